/*
 * quarter_locks: of each hour the row of response_rollups that says whether its
 * quarters are there: that of everyone of its first quarter, by its version.
 *
 * It is also the lock of the hour's quarters. Who makes them takes it before
 * they read anything of the hour, who stores a row of the hour writes it before
 * they commit. So either the quarters count what was stored, or they are made
 * once more.
 *
 * The row of no channel of the hour's day says the same of the day's channels,
 * see channel_days.h; it is always taken behind the hours.
 */
#ifndef SINK_ROLLUP_QUARTER_LOCKS_H
#define SINK_ROLLUP_QUARTER_LOCKS_H

#include "common/base/text.h"
#include "common/db/db.h"

#include <stddef.h>
#include <stdint.h>

/* Of that row, as its version; quarters that are there: 0. */
enum {
	QUARTERS_DUE = -1,
	QUARTERS_UNEVEN = -2 /* the intervals do not sum to the hour */
};

/* An hour of which something is stored. The text is borrowed. */
struct changed_hour {
	struct text tenant;
	int64_t begin; /* ms since 1970, a whole hour */
};

struct quarter_locks {
	/* private */
	struct db_bulk *take, *spoil, *spoil_days;
	struct changed_hour *changed;
	size_t changed_n, cap;
};

void quarter_locks_init(struct quarter_locks *l, struct db *db);
void quarter_locks_release(struct quarter_locks *l); /* before db_close() */

/* Forgets the hours of the try before. */
void quarter_locks_begin(struct quarter_locks *l);
void quarter_locks_add(
    struct quarter_locks *l, struct text tenant, int64_t hour);

/* Within the transaction that stores rows of these hours, as the last that it
 * writes: they do not have their quarters any more, nor their days channels. */
enum outcome quarter_locks_spoil(struct quarter_locks *l)
    __attribute__((warn_unused_result));

/* Within the transaction that makes them: this hour can have none. */
enum outcome quarter_locks_refuse(struct quarter_locks *l, struct text tenant,
    int64_t hour) __attribute__((warn_unused_result));

/* Within a transaction: takes those of all hours that begin within a time. */
enum outcome quarter_locks_take(struct quarter_locks *l, struct text tenant,
    int64_t from, int64_t to) __attribute__((warn_unused_result));

#endif
