/*
 * shard: which of several aggregators this one is. Chats are spread over them
 * (scripts/topology), so a metric that spans chats is only a part of the
 * truth: its rows go to a table of parts, under the generation and the number
 * of the part besides their key, in a form that adds up. Views of the database
 * (sink/migrations) put the parts together.
 */
#ifndef AGGREGATOR_ROWS_SHARD_H
#define AGGREGATOR_ROWS_SHARD_H

#include "common/conf/conf.h"

struct shard {
	int64_t generation;
	int64_t number, of; /* of 0: there is only one */
};

/* From [aggregator] part and generation. 0, or -1 and *why. */
int shard_read(struct shard *p, const struct conf *conf, struct buf *why)
    __attribute__((warn_unused_result));

/* As states know it: "" for the only one, else "0/2 of generation 1". */
#define SHARD_TEXT 80
const char *shard_text(const struct shard *p, char buf[SHARD_TEXT]);

#endif
