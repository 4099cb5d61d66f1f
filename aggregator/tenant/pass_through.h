/*
 * pass_through: records that are passed on as they came, kept until they may
 * be: those of a snapshot until it is whole. They become records of a stream,
 * outside of any markers.
 */
#ifndef AGGREGATOR_TENANT_PASS_THROUGH_H
#define AGGREGATOR_TENANT_PASS_THROUGH_H

#include "common/records/record.h"

/* Appends the record's line, with its newline and without its field
 * `snapshot`. */
void pass_through_add(
    struct buf *to, const struct record *r, const char *line, size_t len);

/* Calls each() for each line, without its newline, until it returns other than
 * 0; returns what the last call returned. */
int pass_through_each(const struct buf *lines,
    int (*each)(void *ctx, const char *line, size_t len), void *ctx)
    __attribute__((warn_unused_result));

#endif
