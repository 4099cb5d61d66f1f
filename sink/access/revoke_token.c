/*
 * revoke_token: see revoke_token.h.
 */
#include "sink/access/revoke_token.h"

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/access/revocation.h"

/* The server's number for a key that is there already. */
#define DUPLICATE_KEY 1062

static enum outcome
count_revoked(struct db *db, int64_t now_ms, bool *full)
{
	const struct db_value now = db_time(now_ms);
	struct db_rows *rows = NULL;
	enum outcome o = db_query(db,
	    "SELECT COUNT(*) FROM revoked_tokens "
	    "WHERE expires_at IS NULL OR expires_at >= ?",
	    &now, 1, &rows);

	*full = o == OUTCOME_DONE && db_next(rows) &&
		db_get_int(rows, 0) >= REVOCATION_MAX;
	db_rows_free(rows);
	return o;
}

/* An id that was revoked before, for a shorter time. The right to UPDATE is
 * needed only then. */
static enum outcome
revoke_longer(
    struct db *db, const char *tenant, const char *id, int64_t expires_ms)
{
	static const char is_shorter[] =
	    " WHERE tenant = ? AND id = ? AND "
	    "expires_at < COALESCE(?, '9999-12-31')";
	const struct db_value args[] = { db_time(expires_ms), db_str(tenant),
		db_str(id), db_time(expires_ms) };
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "SELECT 1 FROM revoked_tokens%s", is_shorter);
	o = db_query(db, buf_str(&sql), args + 1, 3, &rows);
	if (o == OUTCOME_DONE && db_rows_count(rows) > 0) {
		buf_setf(&sql, "UPDATE revoked_tokens SET expires_at = ?%s",
		    is_shorter);
		o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), NULL);
	}
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

enum outcome
revoke_token(struct db *db, const char *tenant, const char *id,
    int64_t expires_ms, struct buf *why)
{
	int64_t now_ms = clock_now_ms();
	const struct db_value row[] = { db_str(tenant), db_str(id),
		db_time(now_ms), db_time(expires_ms) };
	enum outcome o = db_connect(db);
	bool full = false;

	if (o == OUTCOME_DONE)
		o = count_revoked(db, now_ms, &full);
	if (full) {
		buf_setf(why,
		    "%d tokens are revoked already, which is the limit; change "
		    "[serve] secret_key_file, and all of them are void",
		    REVOCATION_MAX);
		return OUTCOME_NEVER;
	}
	if (o == OUTCOME_DONE)
		o = db_exec(db,
		    "INSERT INTO revoked_tokens (tenant, id, revoked_at, "
		    "expires_at) VALUES (?, ?, ?, ?)",
		    row, ARRAY_LEN(row), NULL);
	return o == OUTCOME_NEVER && db_errno(db) == DUPLICATE_KEY
		   ? revoke_longer(db, tenant, id, expires_ms)
		   : o;
}
