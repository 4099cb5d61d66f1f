/*
 * pass_through: records that are passed on as they came, kept until that is
 * allowed: of a snapshot when it is whole. They become records of a stream:
 * what is passed on stands outside of any markers.
 */
#ifndef AGGREGATOR_TENANT_PASS_THROUGH_H
#define AGGREGATOR_TENANT_PASS_THROUGH_H

#include "common/records/record.h"

/* Appends the record's line, with its newline and without the field that tells
 * its snapshot. */
void pass_through_add(
    struct buf *to, const struct record *r, const char *line, size_t len);

/* Gives the lines one by one, without their newlines, until one gives -1;
 * what the last one gave. */
int pass_through_each(const struct buf *lines,
    int (*each)(void *ctx, const char *line, size_t len), void *ctx)
    __attribute__((warn_unused_result));

#endif
