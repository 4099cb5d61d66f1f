/*
 * response_week: the hour of the week, by the clock in a zone, as an expression
 * of SQL: 0 is Monday 00:00, 167 Sunday 23:00.
 */
#ifndef SINK_RESPONSES_RESPONSE_WEEK_H
#define SINK_RESPONSES_RESPONSE_WEEK_H

#include "sink/responses/response_span.h"

#define WEEK_HOURS 168

/* 1970-01-01 was a Thursday. */
#define WEEK_FIRST_HOUR (3 * 24)

/* Appends the hour of the week in which an interval of the span ended. */
void response_week_hour(struct buf *to, const struct response_span *s);

#endif
