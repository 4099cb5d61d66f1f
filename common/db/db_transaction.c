/*
 * db_transaction: transactions that are repeated until they succeed or
 * wait_timeout has elapsed; see db.h.
 *
 * wait_timeout covers every wait: an unreachable server, a lock, repeated
 * deadlocks. A session never waits for a lock longer than the remaining time. A
 * running statement may take longer, up to [mysql] timeout. With wait_forever a
 * warning follows after NOTICE_MS, once for all connections of the process, so
 * the first wait for a lock ends then.
 */
#include <mysql.h>
#include <stdatomic.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"
#include "common/digest/random.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

enum {
	RETRY_BASE_MS = 10,
	RETRY_CAP_MS = 10000,
	/* Conflicts are retried quickly this many times before they are treated
	 * like a busy server. */
	CONFLICT_TRIES = 10,
	CONFLICT_CAP_MS = 200,
	NOTICE_MS = 3000,
};

/* A connection of this process has warned about its wait. */
static atomic_bool warned;

/* How long a transaction has waited so far. */
struct wait {
	struct retry retry;
	int64_t since_ms;
	bool wait_forever;
	bool warned; /* in this transaction */
};

enum outcome
db_begin(struct db *db)
{
	static const char sql[] = "START TRANSACTION";
	enum outcome o = db_send(db, sql, strlen(sql));

	db->in_trans = o == OUTCOME_DONE;
	return o;
}

enum outcome
db_still_in_trans(struct db *db)
{
	unsigned status = 0;

	if (!db->in_trans)
		return OUTCOME_DONE;
	mariadb_get_infov(db->my, MARIADB_CONNECTION_SERVER_STATUS, &status);
	if ((status & SERVER_STATUS_IN_TRANS) != 0)
		return OUTCOME_DONE;
	return db_note(db, DB_DEADLOCK, "40001",
	    "the server ended the transaction without an error");
}

void
db_no_trans(struct db *db)
{
	db->in_trans = false;
}

enum outcome
db_begin_reading(struct db *db)
{
	static const char sql[] =
	    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
	enum outcome o = db_send(db, sql, strlen(sql));

	return o == OUTCOME_DONE ? db_begin(db) : o;
}

enum outcome
db_commit(struct db *db)
{
	db->in_trans = false;
	return db_send(db, "COMMIT", strlen("COMMIT"));
}

void
db_rollback(struct db *db)
{
	db->in_trans = false;
	/* A failed rollback leaves the connection in an unknown state; if it is
	 * closed, the server rolls back by itself. */
	if (db->my != NULL && mysql_rollback(db->my) != 0)
		db_disconnect(db);
}

int64_t
db_wait_left(const struct db *db)
{
	int64_t left;

	if (db->give_up_ms == 0)
		return INT64_MAX;
	left = db->give_up_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

uint64_t
db_retries(const struct db *db)
{
	return db->retries;
}

/* Sets how long the next attempt may wait for a lock. */
static enum outcome
limit_locks(struct db *db, const struct wait *w)
{
	int64_t ms = db->lock_ms, left = db_wait_left(db);
	struct db_value s[2];
	enum outcome o;

	if (w->wait_forever && !w->warned && ms > NOTICE_MS)
		ms = NOTICE_MS;
	s[0] = s[1] = db_int(db_seconds_of(left < ms ? left : ms));
	if (s[0].num == db->lock_s)
		return OUTCOME_DONE;
	o = db_exec(db,
	    "SET SESSION innodb_lock_wait_timeout = ?, lock_wait_timeout = ?",
	    s, 2, NULL);
	if (o == OUTCOME_DONE)
		db->lock_s = (unsigned)s[0].num;
	return o;
}

static void
warn_of_wait(struct db *db, struct wait *w)
{
	w->warned = true;
	if (!atomic_exchange(&warned, true))
		log_warn("%s; waiting for it", buf_str(&db->why));
}

/* Waits before the next attempt. Returns false if it is time to give up. */
static bool
wait_again(struct db *db, struct wait *w)
{
	bool conflict =
	    db->cause == DB_CONFLICT && w->retry.attempt < CONFLICT_TRIES;
	int64_t left = db_wait_left(db), ms;

	/* When a deadlock is reported, it is already resolved, so the next
	 * attempt need not wait. */
	if (left == 0 && (w->retry.attempt > 0 || db->number != DB_DEADLOCK))
		return false;
	db->retries++;
	w->retry.cap_ms = conflict ? CONFLICT_CAP_MS : RETRY_CAP_MS;
	ms = retry_next(&w->retry, -1);
	if (ms > left)
		ms = left;
	if (w->wait_forever && !w->warned &&
	    (!conflict || clock_mono_ms() - w->since_ms >= NOTICE_MS))
		warn_of_wait(db, w);
	log_debug(conflict ? "transaction_conflict" : "database_wait",
	    "errno=%u wait_ms=%lld why=\"%s\"", db->number, (long long)ms,
	    buf_str(&db->why));
	return !stop_sleep(ms);
}

static enum outcome
begin_attempt(struct db *db, const struct wait *w)
{
	enum outcome o;

	db->in_trans = false;
	/* The server closes idle sessions, which is not an outage. */
	o = db_wake(db);
	if (o == OUTCOME_DONE)
		o = limit_locks(db, w);
	return o == OUTCOME_DONE ? db_begin(db) : o;
}

static enum outcome
attempt(struct db *db, const struct wait *w,
    enum outcome (*work)(struct db *db, void *ctx), void *ctx)
{
	enum outcome o = begin_attempt(db, w);

	if (o == OUTCOME_DONE)
		o = work(db, ctx);
	/* Commit point: from here on, the work may be committed, whatever
	 * COMMIT returns, so it must be idempotent. */
	if (o == OUTCOME_DONE)
		o = db_commit(db);
	if (o == OUTCOME_DONE)
		db->cause = DB_FINE;
	else
		db_rollback(db);
	return o;
}

enum outcome
db_transaction(struct db *db, enum outcome (*work)(struct db *db, void *ctx),
    void *ctx, bool wait_forever)
{
	struct wait w = {
		.retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1),
		.since_ms = clock_mono_ms(),
		.wait_forever = wait_forever,
	};
	enum outcome o;

	db->give_up_ms = wait_forever ? 0 : w.since_ms + db->wait_timeout_ms;
	do
		o = attempt(db, &w, work, ctx);
	while (o == OUTCOME_LATER && wait_again(db, &w));
	db->give_up_ms = 0;
	if (w.warned)
		atomic_store(&warned, false);
	return o;
}

unsigned
tenant_lock_slot(void)
{
	static atomic_uint next;
	static atomic_bool begun;

	if (!atomic_exchange(&begun, true))
		atomic_store(&next, (unsigned)(random_64() % TENANT_SLOTS));
	return atomic_fetch_add(&next, 1) % TENANT_SLOTS;
}

/* Changes the slots [from, to) of each tenant in the order of the key. */
static enum outcome
change_slots(struct db *db, const struct text *tenants, size_t n, unsigned from,
    unsigned to)
{
	struct buf sql = BUF_INIT;
	enum outcome o;
	unsigned slot;
	size_t i;

	if (n == 0)
		return OUTCOME_DONE;
	buf_adds(&sql, "INSERT INTO tenant_locks (tenant, slot, uses) VALUES ");
	for (i = 0; i < n; i++)
		for (slot = from; slot < to; slot++) {
			buf_adds(&sql, i > 0 || slot > from ? ", (" : "(");
			db_quote(
			    db, &sql, db_text(tenants[i].p, tenants[i].len));
			buf_addf(&sql, ", %u, 1)", slot);
		}
	buf_adds(&sql, " ON DUPLICATE KEY UPDATE uses = uses + 1");
	o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

enum outcome
tenant_lock_share(
    struct db *db, const struct text *tenants, size_t n, unsigned slot)
{
	return change_slots(db, tenants, n, slot, slot + 1);
}

enum outcome
tenant_lock_alone(struct db *db, const struct text *tenants, size_t n)
{
	return change_slots(db, tenants, n, 0, TENANT_SLOTS);
}
