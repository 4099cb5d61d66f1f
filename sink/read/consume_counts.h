/*
 * consume_counts: what came of the rows and of the snapshots, counted and
 * logged.
 */
#ifndef SINK_READ_CONSUME_COUNTS_H
#define SINK_READ_CONSUME_COUNTS_H

#include "sink/read/consume.h"

/* A part of a group is stored. Call it in the order of their commits: the last
 * one saw the rows of all others. */
void consume_count_part(struct consume *c, const struct row_batch *b);

/* At the end: warns of snapshots without an end marker, and of those with rows
 * missing; true if there are any. */
bool consume_has_cut_snapshots(struct consume *c);

#endif
