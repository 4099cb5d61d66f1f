/*
 * state_read: reading. It goes through the write transaction while there is
 * one, else through a reader that is renewed after each commit: so it never
 * pins pages that a commit could use again.
 */
#include "aggregator/state/state_impl.h"

#include <string.h>

#include "common/os/notify.h"

void
state_fail(struct state *s, int rc)
{
	if (s->rc == 0)
		s->rc = rc;
}

bool
state_failed(const struct state *s)
{
	return s->rc != 0;
}

void
state_set_damaged(struct state *s)
{
	state_fail(s, MDB_CORRUPTED);
}

void
state_stop_reading(struct state *s)
{
	if (s->reading)
		mdb_txn_reset(s->reader);
	s->reading = false;
}

/* The transaction to read through; NULL after an error. */
static MDB_txn *
begin_reading(struct state *s)
{
	int rc = 0;

	if (s->rc != 0)
		return NULL;
	if (s->writer != NULL)
		return s->writer;
	if (!s->reading) {
		rc = s->reader == NULL
			 ? mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader)
			 : mdb_txn_renew(s->reader);
		s->reading = rc == 0;
	}
	if (rc != 0)
		state_fail(s, rc);
	return rc == 0 ? s->reader : NULL;
}

/* Compares a stored value with its checksum; returns what is behind that. */
static bool
unwrap_value(struct state *s, const MDB_val *key, const MDB_val *stored,
    const void **data, size_t *len)
{
	uint64_t sum;

	if (stored->mv_size < STATE_SUM_LEN) {
		state_fail(s, MDB_CORRUPTED);
		return false;
	}
	memcpy(&sum, stored->mv_data, STATE_SUM_LEN);
	*data = (const char *)stored->mv_data + STATE_SUM_LEN;
	*len = stored->mv_size - STATE_SUM_LEN;
	if (sum == state_value_sum(key->mv_data, key->mv_size, *data, *len))
		return true;
	state_fail(s, MDB_CORRUPTED);
	return false;
}

bool
state_get(struct state_table *t, const void *key, size_t key_len,
    const void **data, size_t *len)
{
	MDB_txn *txn = begin_reading(t->state);
	struct state_key k;
	MDB_val v;
	int rc;

	if (txn == NULL)
		return false;
	state_key_set(&k, t, key, key_len);
	state_guard(t->state, true);
	rc = mdb_get(txn, t->dbi, &k.val, &v);
	if (rc == 0)
		(void)unwrap_value(t->state, &k.val, &v, data, len);
	else if (rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	return rc == 0 && t->state->rc == 0;
}

bool
state_get_stored(struct state_table *t, const void *key, size_t key_len,
    const char **data, size_t *len)
{
	struct state_key k;
	MDB_val v;
	int rc;

	state_key_set(&k, t, key, key_len);
	state_guard(t->state, true);
	rc = mdb_get(t->state->writer, t->dbi, &k.val, &v);
	state_guard(t->state, false);
	if (rc != 0 || v.mv_size < STATE_SUM_LEN)
		return false;
	*data = (const char *)v.mv_data + STATE_SUM_LEN;
	*len = v.mv_size - STATE_SUM_LEN;
	return true;
}

int
state_cursor_step(MDB_cursor *c, MDB_cursor_op op, const void *prefix,
    size_t len, MDB_val *key, MDB_val *data)
{
	int rc;

	if (op == MDB_SET_RANGE) {
		key->mv_data = (void *)(uintptr_t)prefix;
		key->mv_size = len;
		op = len > 0 ? MDB_SET_RANGE : MDB_FIRST;
	}
	rc = mdb_cursor_get(c, key, data, op);
	if (rc != 0 || len == 0)
		return rc;
	return key->mv_size >= len && memcmp(key->mv_data, prefix, len) == 0
		   ? 0
		   : MDB_NOTFOUND;
}

/* Returns what ended the walk: 0 when entry() did, or a damaged value. */
static int
walk_entries(struct state_table *t, MDB_cursor *c, const void *prefix,
    size_t len, state_entry_fn *entry, void *ctx)
{
	MDB_val key, stored;
	const void *data = NULL;
	size_t data_len = 0;
	bool more;
	int rc;

	rc = state_cursor_step(c, MDB_SET_RANGE, prefix, len, &key, &stored);
	while (rc == 0) {
		notify_alive(); /* A walk may take minutes. */
		if (!unwrap_value(t->state, &key, &stored, &data, &data_len))
			break;
		state_guard(t->state, false);
		more = entry(ctx, key.mv_data, key.mv_size, data, data_len);
		state_guard(t->state, true);
		if (!more || t->state->rc != 0)
			break;
		rc = state_cursor_step(c, MDB_NEXT, prefix, len, &key, &stored);
	}
	return rc;
}

void
state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx)
{
	MDB_txn *txn = begin_reading(t->state);
	MDB_cursor *c;
	int rc;

	if (txn == NULL)
		return;
	t->state->walks++;
	state_guard(t->state, true);
	rc = mdb_cursor_open(txn, t->dbi, &c);
	if (rc == 0) {
		rc = walk_entries(t, c, prefix, len, entry, ctx);
		mdb_cursor_close(c);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	/* A walk that changes another table has kept the reader. */
	if (--t->state->walks == 0 && t->state->writer != NULL)
		state_stop_reading(t->state);
}

size_t
state_count(struct state_table *t)
{
	MDB_txn *txn = begin_reading(t->state);
	MDB_stat stat;
	int rc;

	if (txn == NULL)
		return 0;
	rc = mdb_stat(txn, t->dbi, &stat);
	if (rc != 0)
		state_fail(t->state, rc);
	return rc == 0 ? stat.ms_entries : 0;
}

bool
state_last_number(struct state_table *t, uint64_t *number)
{
	MDB_txn *txn = begin_reading(t->state);
	MDB_val key, data;
	MDB_cursor *c;
	int rc;

	if (txn == NULL)
		return false;
	state_guard(t->state, true);
	rc = mdb_cursor_open(txn, t->dbi, &c);
	if (rc == 0) {
		rc = mdb_cursor_get(c, &key, &data, MDB_LAST);
		if (rc == 0)
			memcpy(number, key.mv_data, sizeof *number);
		mdb_cursor_close(c);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	return rc == 0;
}

int64_t
state_number(struct state *s, const char *name, int64_t def)
{
	const void *data = NULL;
	size_t len = 0;
	int64_t n;

	if (!state_get(s->meta, name, strlen(name), &data, &len))
		return def;
	if (len != sizeof n) {
		state_fail(s, MDB_CORRUPTED);
		return def;
	}
	memcpy(&n, data, sizeof n);
	return n;
}

void
state_seed(const struct state *s, uint64_t seed[2])
{
	seed[0] = s->seed[0];
	seed[1] = s->seed[1];
}
