/*
 * response_read: the statements of response_sums, and what it reads from
 * response_rollups. response_sums.c and response_available.c, which says what
 * is there, call it; it calls neither.
 */
#ifndef SINK_RESPONSES_RESPONSE_READ_H
#define SINK_RESPONSES_RESPONSE_READ_H

#include "sink/responses/response_sums.h"

/* The begins of the months and days that are there, and of the hours that have
 * quarters, in order; of channels, of the days, and of those hours of other
 * days that lack them. */
struct response_available {
	int64_t *begins[RESPONSE_INTERVALS]; /* owned */
	size_t n[RESPONSE_INTERVALS], cap[RESPONSE_INTERVALS];
	bool of_channels;
	/* Hours are in this time, as far as intervals tell; else all are. */
	int64_t first, end;
};

/* A quarter, or an hour without quarters, that intervals are read of, and how
 * many responses it tells of. */
struct response_cut {
	struct response_range time;
	int64_t n;
};

struct sums_reader {
	struct question *q;
	const struct response_filter *filter;
	bool by_operator, by_channel;
	bool channels; /* by channel, or of one */
	bool numbers;  /* how many there are, without times and buckets */
	/* How many intervals of a slot are kept, of any channel, less how many
	 * there should be; where channels are read. */
	struct strmap kept;
	struct response_sums *to;
	int64_t end_ms; /* no further statement, by the monotonic clock */
	/* What is read now. */
	const struct response_plan *plan;
	const struct response_rounded *rounded; /* NULL: nothing was rounded */
	bool takes_off;                         /* it is taken off the sums */
	bool again; /* only for sums that are read again */
	struct response_pieces intervals; /* read from them; borrowed */
	const struct response_available *available;
	struct response_cut *cut; /* owned */
	size_t cut_n, cut_cap;
	size_t room; /* sums more that may have a table */
};

/* The level that the column `span` names so; RESPONSE_INTERVALS: none. */
enum response_level response_level_named(const char *name);

/* What is there of a plan, and whether all that is stored is added up (else the
 * answer is a problem). */
bool response_find_available(const struct sums_reader *r,
    const struct response_plan *p, struct response_available *k)
    __attribute__((warn_unused_result));
/* Makes of what is there of all channels together what is there of single ones.
 */
bool response_find_channels(const struct sums_reader *r,
    const struct response_plan *p, struct response_available *k)
    __attribute__((warn_unused_result));
/* Looks whether what is cut has as many intervals as it tells of; the slots
 * that lack some are missing. False: the answer is a problem. */
bool response_find_missing(struct sums_reader *r, const struct response_plan *p)
    __attribute__((warn_unused_result));
/* The slots that lack intervals are missing, as those that all channels
 * together miss, whose version counts, too. False: the answer is a problem. */
bool response_find_missing_of_channels(struct sums_reader *r,
    const struct response_plan *p, const struct response_sums *all)
    __attribute__((warn_unused_result));
bool response_is_available(
    const void *ctx, enum response_level level, int64_t begin);
void response_available_release(struct response_available *k);

/* Reads months, days, hours and quarters. False: the answer is a problem. */
bool response_read_rollups(
    struct sums_reader *r, const struct response_pieces pieces[RESPONSE_LEVELS])
    __attribute__((warn_unused_result));

/* Asks, with the arguments behind the tenant; the rows are at most `most`. */
bool response_ask(const struct sums_reader *r, const struct buf *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Who an interval is of; '': nobody. */
#define RESPONSE_WHO "COALESCE(operator, '')"

/* Append which rows, by a column that is a time: " AND (...)"; and which
 * intervals, by what was asked. args: with room, of which *n are used. */
void response_add_ranges(const char *column, const struct response_pieces *p,
    struct buf *sql, struct db_value *args, size_t *n);
void response_add_choice(const struct sums_reader *r, struct buf *sql,
    struct db_value *args, size_t *n);

/* Appends another where sums are read again: those of these sums, by a column
 * that is '' for nobody. */
void response_add_again(
    const struct sums_reader *r, const char *name, struct buf *sql);

/* Whether channels are in response_rollups as they are asked for: they are
 * there of all operators together only. */
bool response_has_channel_rollups(const struct sums_reader *r);

/* More intervals of a slot are kept, of any channel. */
void response_note_kept(struct sums_reader *r, int64_t slot, int64_t n);

/* The sum of a slot and a name, made if it is not there; borrowed until the
 * next one is. NULL: they are too many, and the answer is a problem. */
struct response_sum *response_sum_of(struct sums_reader *r, int64_t slot,
    const char *name) __attribute__((warn_unused_result));

#endif
