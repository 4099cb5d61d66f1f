/*
 * span: the responses in an hour or day by kind: their number, sum and maximum,
 * and the number in each bucket (duration_bucket.h); as text; and as rows of
 * response_rollups, by begin and by operator or channel. Spans add up to longer
 * ones. Sums are limited to INT64_MAX.
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

/* What is added up of each kind. Of the last three only the number matters. */
enum span_measure {
	SPAN_CALENDAR, /* the durations */
	SPAN_WORK,     /* the work times, of intervals that have one */
	SPAN_KEPT,     /* targets that were kept, */
	SPAN_MISSED,   /* or missed; a wait that a closing ended is also added
			* to the kind of the awaited answer */
	SPAN_CLOSED, /* answers while the team was closed: without work time */
	SPAN_MEASURES
};

#define SPAN_SUMS (SPAN_KINDS * SPAN_MEASURES)
#define SPAN_ALL ((1U << SPAN_SUMS) - 1)

/* Returns the place of a kind's measure. Calendar times come first, so their
 * places equal the kinds. */
static inline size_t
span_place(enum span_measure measure, enum span_kind kind)
{
	return (size_t)measure * SPAN_KINDS + kind;
}

struct span_bucket {
	uint32_t bucket;
	int64_t n;
};

/* A zeroed struct is empty. */
struct span_sum {
	int64_t n, sum_ms, max_ms;
	struct span_bucket *buckets; /* owned, sorted, each n above 0 */
	size_t buckets_n, cap;
};

struct span_sums {
	struct span_sum of[SPAN_SUMS]; /* see span_place() */
};

extern const char *const span_kind_names[SPAN_KINDS];
/* SPAN_KINDS: not a kind. */
enum span_kind span_kind_named(const char *name, size_t len);

/* Adds the values of a row, without buckets. */
void span_sum_add(
    struct span_sum *to, int64_t n, int64_t sum_ms, int64_t max_ms);
/* Adds to the bucket of a duration. */
void span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n);
/* Adds another sum with its buckets. */
void span_sum_merge(struct span_sum *to, const struct span_sum *from);
void span_sum_release(struct span_sum *s);

/* The column `sums` of response_rollups. Each kind is
 *
 *   reply 4 61000 40000 481:b 496:cab;
 *
 * that is, its name, number, sum and maximum in ms, and runs of adjacent
 * buckets: the first one's number and their counts. Other measures follow under
 * the names reply_work, reply_kept, reply_missed and reply_closed. What is 0 is
 * left out.
 *
 * A count is written in base 26, a to z, with all digits except the last as
 * capitals: no separator is needed, and most counts are one letter. An answer
 * reads hundreds of such texts; decimal numbers would make them 1.7 times as
 * long and take 2.4 times as long to read. */

/* A text whose kinds are read one after the other: the numbers of a kind, and
 * where its counts are. */
struct span_text {
	const char *rest; /* borrowed: the kinds that follow */
	unsigned wanted;  /* bits 1 << place; others are skipped, unread */
	size_t place;     /* see span_place() */
	int64_t n, sum_ms, max_ms;
	const char *runs, *end; /* counts, not examined yet */
};

/* Returns 1: the next wanted kind; 0: there is none; -1: the text is damaged.
 */
int span_text_next(struct span_text *t) __attribute__((warn_unused_result));

/* Adds the kind to a sum. Returns -1 if the text is damaged; what precedes the
 * damage is added. */
int span_text_add(const struct span_text *t, struct span_sum *to)
    __attribute__((warn_unused_result));

/* Spans of one length that are added up and written as rows. */

#define SPAN_HOUR "hour"
#define SPAN_DAY "day"

/* Whose responses these are, as in the column `subject`. */
#define SPAN_OF_OPERATOR "operator"
#define SPAN_OF_CHANNEL "channel"
#define SPAN_OF_TENANT "tenant"

struct span_row {
	int64_t begin, as_of;
	char *id; /* the operator or channel; "": none, or the tenant */
	struct span_sums sums;
	bool put;        /* must be written */
	bool damaged;    /* read from a damaged row, or made from one */
	struct buf text; /* the sums as text, while it is written */
};

/* A zeroed struct is empty. */
struct span_set {
	const char *span, *of;
	struct strmap rows;
};

/* Returns the row, created if missing. Borrowed. */
struct span_row *span_set_row(
    struct span_set *s, int64_t begin, const char *id, size_t len);
void span_set_release(struct span_set *s);

/* Adds a span. */
void span_row_merge(struct span_row *to, const struct span_row *from);

/* Reads stored spans of this length that begin within a time, unless they have
 * been recomputed. With `emptied`, only their existence is recorded: they are
 * written even if they become empty. */
enum outcome span_set_read(struct span_set *s, struct db *db,
    const char *tenant, int64_t from, int64_t to, bool emptied)
    __attribute__((warn_unused_result));

/* Returns an empty bulk that writes rows of sets; free it before db_close(). */
struct db_bulk *span_set_bulk(struct db *db);

/* Writes the rows of the sets that must be written, with such a bulk. A row
 * made from a damaged one is written as damaged, too, so that readers do not
 * mistake it for the sum. */
enum outcome span_sets_write(struct span_set *const sets[], size_t n,
    const char *tenant, struct db_bulk *put)
    __attribute__((warn_unused_result));

#endif
