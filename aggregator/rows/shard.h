/*
 * shard: which of several aggregators this one is. Chats are distributed over
 * them (scripts/topology), so each has only a part of a metric that spans
 * chats. It writes its rows of such a metric to a table of parts, whose key
 * also has the generation of the topology and the number of the shard. Views in
 * the database (sink/tables/schema.h) add the parts up.
 */
#ifndef AGGREGATOR_ROWS_SHARD_H
#define AGGREGATOR_ROWS_SHARD_H

#include "common/conf/conf.h"

struct shard {
	int64_t generation;
	int64_t number, of; /* shard `number` of `of`; of 0: the only
			     * aggregator */
};

/* Reads [aggregator] part and generation. Returns 0, or -1 and *why. */
int shard_read(struct shard *p, const struct conf *conf, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the text that states store: "" for a single aggregator, otherwise for
 * example "0/2 of generation 1". */
#define SHARD_TEXT 80
const char *shard_text(const struct shard *p, char buf[SHARD_TEXT]);

#endif
