/*
 * span: the responses of an hour or a day by kind: how many, their sum, the
 * longest, and how many in each bucket (duration_bucket.h); as text; and rows
 * of response_rollups, by begin and by operator or channel. Spans add up to
 * longer ones. No sum exceeds INT64_MAX, where it ends.
 */
#ifndef SINK_ROLLUP_SPAN_H
#define SINK_ROLLUP_SPAN_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum span_kind {
	SPAN_FIRST_RESPONSE,
	SPAN_REPLY,
	SPAN_RESOLUTION,
	SPAN_UNANSWERED,
	SPAN_KINDS
};

struct span_bucket {
	uint32_t bucket;
	int64_t n;
};

/* Zeroed it is empty. */
struct span_sum {
	int64_t n, sum_ms, max_ms;
	int64_t version;             /* the newest; 0: no row */
	struct span_bucket *buckets; /* owned, in order, each n above 0 */
	size_t buckets_n, cap;
};

struct span_sums {
	struct span_sum kind[SPAN_KINDS];
};

extern const char *const span_kind_names[SPAN_KINDS];
/* SPAN_KINDS: it is none of them. */
enum span_kind span_kind_named(const char *name, size_t len);

/* Those of a row, without buckets. */
void span_sum_add(struct span_sum *to, int64_t n, int64_t sum_ms,
    int64_t max_ms, int64_t version);
/* A bucket of a duration. */
void span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n);
/* Another sum, with its buckets. */
void span_sum_merge(struct span_sum *to, const struct span_sum *from);
void span_sum_release(struct span_sum *s);

/* The column `sums` of response_rollups. Each kind is
 *
 *   reply 4 61000 40000 1763805600000 481:b 496:cab;
 *
 * its name, number, sum and maximum in ms, newest version, and runs of
 * neighbouring buckets: the first one's number and their counts. A kind without
 * responses and rows is left out.
 *
 * A count is in base 26, a to z, its digits in front of the last one in capital
 * letters: what ends it needs no comma, and most counts are one letter. An
 * answer reads hundreds of such texts; with decimal numbers they were 1.7 times
 * as long, and took 2.4 times the time to read. */

/* A text of which one kind after the other is read: its numbers, and where its
 * counts stand. */
struct span_text {
	const char *rest; /* borrowed: the kinds that follow */
	enum span_kind kind;
	int64_t n, sum_ms, max_ms, version;
	const char *runs, *end; /* counts, not looked at */
};

/* 1: the next kind; 0: there is none; -1: the text is damaged. */
int span_text_next(struct span_text *t) __attribute__((warn_unused_result));

/* Adds the kind to a sum. -1: the text is damaged, and adds nothing. */
int span_text_add(const struct span_text *t, struct span_sum *to)
    __attribute__((warn_unused_result));

/* Spans of one length that are added up, and written as rows. */

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
