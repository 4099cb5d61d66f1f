/*
 * row_record: reads any record that is stored as a row: a row record unchanged,
 * and messages, views, events, assignments and names as rows of their own
 * tables. The
 * record is checked when it is parsed; only additional requirements of the
 * database, and the contents of `data`, are checked here.
 */
#ifndef SINK_ROWS_ROW_RECORD_H
#define SINK_ROWS_ROW_RECORD_H

#include "sink/rows/row.h"

/* Converts r into a row, whose texts are borrowed from r and line. Returns NULL
 * and *why if it is bad. */
struct sink_row *row_read(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why) __attribute__((warn_unused_result));

/* Reads the analytics object in a message's data into *row, NULL if there is
 * none; memory as above. Returns -1 and *why if it is bad. */
int row_read_analytics(const struct record *r, const char *line, size_t len,
    struct arena *a, struct sink_row **row, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns a row of names for the operator in a row of operator_metrics; NULL if
 * it has no name. The name is kept when the operator leaves. Memory as above.
 */
struct sink_row *row_read_operator_name(const struct sink_row *of,
    const struct record *r, const char *line, size_t len, struct arena *a);

#endif
