/*
 * response_href: the link from a figure to the intervals that it is made of:
 * rows of /api/v1/intervals, as many as it counts, which sum to it.
 */
#ifndef SINK_RESPONSES_RESPONSE_HREF_H
#define SINK_RESPONSES_RESPONSE_HREF_H

#include "sink/api/reply.h"
#include "sink/responses/response_span.h"

/* Sets *href to the link for a range of time, in ms (from CLOCK_NONE: all), and
 * an operator ("": nobody; NULL: all). False: these intervals are not for the
 * viewer. */
bool response_href(const struct question *q, const struct response_filter *c,
    int64_t from, int64_t to, const char *operator_id, struct buf *href)
    __attribute__((warn_unused_result));

/* Of the responses in a row of the present, which are those in chats that are
 * open: of an operator, whose id is the first column; of all that the viewer's
 * totals have; of a chat, a row of list_chats. */
reply_link response_href_operator, response_href_total, response_href_chat;

/* Of a row of list_response_hours. */
reply_link response_href_hour;

/* Appends to such a link: of that channel only ("": of none; NULL: of any). */
void response_href_channel(const char *channel, struct buf *href);

#endif
