/*
 * sharded: figures that several aggregators store in parts. The view that adds
 * them up groups all that a tenant has, whatever is asked of it; so it is read
 * only where the tenant has parts, else the table itself.
 */
#ifndef SINK_API_SHARDED_H
#define SINK_API_SHARDED_H

#include "sink/api/question.h"

/* Whether the tenant has rows in the table of parts. False: the answer is a
 * problem. */
bool sharded_find(struct question *q, const char *parts, bool *sharded)
    __attribute__((warn_unused_result));

/* Appends the name of what is to be read: the table, or the view TABLE_all.
 * parts: the table of parts that the view reads. False: the answer is a
 * problem. */
bool sharded_table(struct question *q, const char *table, const char *parts,
    struct buf *name) __attribute__((warn_unused_result));

#endif
