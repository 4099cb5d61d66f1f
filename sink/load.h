/*
 * load: what is read at a time and stored at a time: blocks of lines, the rows
 * in them, and how far the input may be acknowledged once they are safe.
 *
 * A load is stored by up to LOAD_PARTS transactions at once. Each has a range
 * of the keys of every table: so no key is in two of them, and they work on
 * different pages. A small load, and one in which a snapshot ends, is not
 * divided.
 */
#ifndef SINK_LOAD_H
#define SINK_LOAD_H

#include "common/endpoint.h"
#include "sink/batch.h"

enum { LOAD_PARTS = 8 };

struct load {
	struct batch part[LOAD_PARTS]; /* read into the first */
	size_t parts;                  /* in use, once divided */
	struct arena blocks;           /* what the rows point to */
	struct endpoint_mark mark;     /* when all of it was read */
	size_t lines, rows, bytes;
	int64_t since_ms; /* when the first line came, monotonic */
};

/* A zeroed struct is empty. */
void load_clear(struct load *l);
void load_release(struct load *l);

/* Puts the rows in the order of their keys, the newest of each key only. */
void load_sort(struct load *l);

/* Divides the rows, sorted, into up to n parts, if there are more than `whole`.
 */
void load_divide(struct load *l, size_t n, size_t whole);

#endif
