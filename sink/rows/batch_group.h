/*
 * batch_group: the lines that are read, stored and acknowledged together: their
 * blocks, the rows in them, and how far the input may be acknowledged once the
 * rows are safe.
 *
 * Up to BATCH_GROUP_PARTS transactions store a group at the same time. Each has
 * a range of the order of every table's rows (row_compare()), so that no key is
 * in two of them. A small group, and one in which a snapshot ends, is
 * not divided.
 */
#ifndef SINK_ROWS_BATCH_GROUP_H
#define SINK_ROWS_BATCH_GROUP_H

#include "common/endpoint/endpoint.h"
#include "sink/rows/batch.h"

enum { BATCH_GROUP_PARTS = 8 };

struct batch_group {
	struct row_batch part[BATCH_GROUP_PARTS]; /* read into the first */
	size_t parts;                             /* in use, once divided */
	struct arena blocks;                      /* what the rows point to */
	struct endpoint_mark mark;                /* when all of it was read */
	size_t lines, rows, bytes;
	int64_t since_ms; /* when the first line came, monotonic */

	/* From when it is being stored. */
	bool messages;      /* and nothing else */
	size_t worker;      /* of its first part; the others follow */
	int64_t storing_ms; /* since when, monotonic */

	/* Once it is. */
	bool stored; /* or has failed */
	enum outcome outcome;
	size_t failed;                    /* the part that did */
	uint64_t done[BATCH_GROUP_PARTS]; /* store_worker_done() */
	uint64_t retries;
	int64_t took_ms;
};

/* A zeroed struct is empty. */
void batch_group_clear(struct batch_group *g);
void batch_group_release(struct batch_group *g);

/* Sorts the rows by key and keeps the newest of each key only. */
void batch_group_sort(struct batch_group *g);

/* It has nothing but messages, no end of a snapshot either: storing it takes
 * little, and no other group waits for its locks. */
bool batch_group_only_messages(const struct batch_group *g);

/* Divides the sorted rows into n parts if there are more than `whole` rows. */
void batch_group_divide(struct batch_group *g, size_t n, size_t whole);

#endif
