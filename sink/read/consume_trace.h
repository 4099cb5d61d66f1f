/*
 * consume_trace: tells the log where the time of rows goes, with -vvv, for
 * tests/bench/trace.py: when lines were read, and when the group that they are
 * in was given to the database and stored, in microseconds of the monotonic
 * clock.
 */
#ifndef SINK_READ_CONSUME_TRACE_H
#define SINK_READ_CONSUME_TRACE_H

#include "sink/rows/batch_group.h"

/* So many lines were read so far. */
void consume_trace_read(uint64_t lines);

/* The group, with all of these, is about to be stored; it is. */
void consume_trace_start(struct batch_group *g, uint64_t lines);
void consume_trace_stored(const struct batch_group *g);

#endif
