/*
 * span_set: spans of one length that are added up, by begin and by operator or
 * channel, and written as rows of response_rollups.
 */
#ifndef SINK_ROLLUP_SPAN_SET_H
#define SINK_ROLLUP_SPAN_SET_H

#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "sink/rollup/span_sums.h"

#include <stdbool.h>

#define SPAN_HOUR "hour"
#define SPAN_DAY "day"

/* Whose responses they are, as the column `subject` has it. */
#define SPAN_OF_OPERATOR "operator"
#define SPAN_OF_CHANNEL "channel"
#define SPAN_OF_TENANT "tenant"

struct span_row {
	int64_t begin, as_of;
	char *id; /* of the operator or channel; "": none, or the tenant */
	struct span_sums sums;
	bool put;        /* it is to be written */
	bool damaged;    /* it is read from a damaged row, or made of one */
	struct buf text; /* of the sums, while it is */
};

/* Zeroed it is empty. */
struct span_set {
	const char *span, *of;
	struct strmap rows;
};

/* The row, made if it is not there. Borrowed. */
struct span_row *span_set_row(
    struct span_set *s, int64_t begin, const char *id, size_t len);
void span_set_release(struct span_set *s);

/* Adds a span. */
void span_row_merge(struct span_row *to, const struct span_row *from);

/* Takes what is stored of this length and begins within a time, where it has
 * not been made again. With `emptied` only that it is there: it is written even
 * if nothing is left of it. */
enum outcome span_set_read(struct span_set *s, struct db *db,
    const char *tenant, int64_t from, int64_t to, bool emptied)
    __attribute__((warn_unused_result));

/* Holds a day for this transaction, by its row without an id, which is made if
 * it is not there: of two that add up parts of the day the second one sees what
 * the first one has committed. */
enum outcome span_set_lock(const struct span_set *s, struct db *db,
    const char *tenant, int64_t begin) __attribute__((warn_unused_result));

/* An empty bulk that writes rows of sets; to be freed before db_close(). */
struct db_bulk *span_set_bulk(struct db *db);

/* Writes the rows of the sets that are to be written, by such a bulk. What is
 * made of a damaged row is written so that it is one, too: anyone who reads it
 * must not take it for the sum. */
enum outcome span_sets_write(struct span_set *const sets[], size_t n,
    const char *tenant, struct db_bulk *put)
    __attribute__((warn_unused_result));

#endif
