/*
 * part: which of several aggregators this one is. Chats are spread over them
 * (scripts/topology), so a figure that spans chats is only a part of the
 * truth: its rows go to a table of parts, under the generation and the number
 * of the part besides their key, in a form that adds up. Views of the database
 * (sink/migrations) put the parts together.
 */
#ifndef AGGREGATOR_PART_H
#define AGGREGATOR_PART_H

#include "common/conf.h"

/* A table of parts is called as the whole one, and this. */
#define PART_TABLE "_parts"

struct part {
	int64_t generation;
	int64_t number, of; /* of 0: there is only one */
};

/* From [aggregator] part and generation. 0, or -1 and *why. */
int part_read(struct part *p, const struct conf *conf, struct buf *why)
    __attribute__((warn_unused_result));

/* As states know it: "" for the only one, else "0/2 of generation 1". */
#define PART_TEXT 80
const char *part_text(const struct part *p, char buf[PART_TEXT]);

#endif
