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

/* The same of a line in a block of scan.h, with another time. */
void pass_through_add_at(
    struct buf *to, const char *line, size_t len, int64_t at);

#endif
