/*
 * consume_trace: tells the log where the time of rows goes, with -vvv, for
 * tests/bench/trace.py: when lines were read, and when the group that they are
 * in was given to the database and stored, in microseconds of the monotonic
 * clock.
 */
#ifndef SINK_READ_CONSUME_TRACE_H
#define SINK_READ_CONSUME_TRACE_H

#include "sink/read/consume.h"

void consume_trace_read(const struct consume *c);

/* The group, with all lines read so far, is about to be stored; it is. */
void consume_trace_start(const struct consume *c, struct batch_group *g);
void consume_trace_stored(const struct batch_group *g);

#endif
