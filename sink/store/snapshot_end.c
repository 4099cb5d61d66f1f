/*
 * snapshot_end: see snapshot_end.h.
 */
#include "sink/store/snapshot_end.h"

#include <string.h>

#include "common/base/clock.h"

/* Counts the tenant's rows of the snapshot (how is "=") or newer ones (">"),
 * and with "=" its refused rows: one SELECT over all tables. */
static enum outcome
count_snapshot_rows(
    struct db *db, const struct batch_tenant *t, const char *how, int64_t *n)
{
	const struct end_marker *end = &t->ended;
	struct db_value args[2 * TABLES + 2];
	struct db_value name = db_text(t->name.p, t->name.len);
	struct buf sql = BUF_INIT;
	uint64_t rows;
	enum outcome o;
	size_t i, k = 0;

	buf_adds(&sql, "SELECT ");
	for (i = 0; i < TABLES; i++) {
		if (tables[i].life != LIFE_NOW)
			continue;
		buf_addf(&sql,
		    "(SELECT COUNT(*) FROM `%s` WHERE tenant = ? AND "
		    "version %s ?) + ",
		    tables[i].name, how);
		args[k++] = name;
		args[k++] = db_int(end->as_of);
	}
	if (how[0] == '=') {
		buf_adds(&sql, "(SELECT COUNT(*) FROM refused_rows WHERE "
			       "tenant = ? AND snapshot = ?)");
		args[k++] = name;
		args[k++] = db_text(end->snapshot.p, end->snapshot.len);
	} else {
		buf_addc(&sql, '0');
	}
	o = db_query_count(db, sql.data, args, k, &rows);
	if (o == OUTCOME_DONE)
		*n = (int64_t)rows;
	buf_release(&sql);
	return o;
}

/* Returns how long the metrics are fresh: three polling intervals, which may be
 * up to an hour long if the poller saves calls. After an outage the distance
 * between two snapshots is not an interval; the upper bound limits the
 * error. */
static int64_t
fresh_ms(const struct batch_tenant *t)
{
	int64_t three = t->stored.as_of == CLOCK_NONE
			    ? 0
			    : 3 * (t->ended.as_of - t->stored.as_of);

	return three < 3 * MINUTE_MS ? 3 * MINUTE_MS
	       : three > 3 * HOUR_MS ? 3 * HOUR_MS
				     : three;
}

static enum outcome
note_snapshot(struct db *db, const struct batch_tenant *t)
{
	int64_t now = clock_now_ms();
	struct db_value args[5] = { db_time(t->ended.as_of),
		db_text(t->ended.snapshot.p, t->ended.snapshot.len),
		db_time(now), db_time(now + fresh_ms(t)),
		db_text(t->name.p, t->name.len) };

	return db_exec(db,
	    "UPDATE tenants SET as_of = ?, snapshot = ?, stored_at = ?, "
	    "stale_at = ?, pending_as_of = NULL, pending_snapshot = NULL, "
	    "pending_records = NULL WHERE tenant = ?",
	    args, 5, NULL);
}

/* Deletes operators that are no longer in the snapshot, and marks its missing
 * chats as left: only the CRM knows whether they were closed. */
static enum outcome
sweep_snapshot(struct db *db, struct batch_tenant *t)
{
	struct db_value as_of = db_time(t->ended.as_of);
	struct db_value version = db_int(t->ended.as_of);
	struct db_value name = db_text(t->name.p, t->name.len);
	struct db_value args[2] = { name, version };
	struct db_value left[4] = { as_of, version, name, version };
	enum outcome o;

	o = db_exec(db,
	    "DELETE FROM operator_metrics WHERE tenant = ? AND version < ?",
	    args, 2, &t->swept);
	if (o == OUTCOME_DONE)
		o = db_exec(db,
		    "UPDATE chat_metrics SET status = 'left', as_of = ?, "
		    "version = ? WHERE tenant = ? AND version < ? AND "
		    "status <> 'left'",
		    left, 4, &t->left);
	return o == OUTCOME_DONE ? note_snapshot(db, t) : o;
}

static enum outcome
store_pending_end(struct db *db, const struct batch_tenant *t)
{
	struct db_value args[4] = { db_time(t->ended.as_of),
		db_text(t->ended.snapshot.p, t->ended.snapshot.len),
		db_int(t->ended.records), db_text(t->name.p, t->name.len) };

	return db_exec(db,
	    "UPDATE tenants SET pending_as_of = ?, pending_snapshot = ?, "
	    "pending_records = ? WHERE tenant = ?",
	    args, 4, NULL);
}

/* Chooses the newer one of the batch's end marker and the pending one. */
static void
choose_end(struct batch_tenant *t)
{
	const struct tenant_stored *s = &t->stored;

	t->ended = t->end;
	if (s->pending[0] == '\0' ||
	    (t->end.snapshot.p != NULL && t->end.as_of >= s->pending_as_of))
		return;
	t->ended.snapshot.p = s->pending;
	t->ended.snapshot.len = strlen(s->pending);
	t->ended.as_of = s->pending_as_of;
	t->ended.records = s->pending_records;
}

enum outcome
snapshot_end(struct db *db, struct batch_tenant *t)
{
	const struct tenant_stored *s = &t->stored;
	int64_t newer = 0;
	enum outcome o;

	choose_end(t);
	t->swept = t->left = 0;
	t->arrived = 0;
	if (t->ended.as_of <= s->as_of || t->ended.as_of <= s->removed_at) {
		t->fate = text_is(t->ended.snapshot, s->snapshot) ? END_AGAIN
								  : END_OLDER;
		return OUTCOME_DONE;
	}
	if (t->ended.records == END_OF_STREAM) {
		t->fate = END_STORED;
		return note_snapshot(db, t);
	}
	o = count_snapshot_rows(db, t, "=", &t->arrived);
	if (o == OUTCOME_DONE && t->arrived < t->ended.records)
		o = count_snapshot_rows(db, t, ">", &newer);
	if (o != OUTCOME_DONE)
		return o;
	if (t->arrived >= t->ended.records) {
		t->fate = END_STORED;
		return sweep_snapshot(db, t);
	}
	/* Rows of the next snapshot have replaced some: nothing is missing, and
	 * the next snapshot removes gone rows. */
	t->fate = t->arrived + newer >= t->ended.records ? END_OVERTAKEN
							 : END_INCOMPLETE;
	return store_pending_end(db, t);
}
