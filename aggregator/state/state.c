/*
 * state: see state.h. Reading goes through the transaction that writes while
 * there is one, else through a reader that is renewed after each commit: so it
 * never pins pages that a commit could use again.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <string.h>

#include "common/base/checksum.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"

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

static void
state_stop_reading(struct state *s)
{
	if (s->reading)
		mdb_txn_reset(s->reader);
	s->reading = false;
}

bool
state_begin(struct state *s)
{
	int rc;

	if (s->rc != 0)
		return false;
	if (s->writer != NULL)
		return true;
	if (s->walks == 0)
		state_stop_reading(s);
	rc = mdb_txn_begin(s->env, NULL, 0, &s->writer);
	if (rc != 0) {
		s->writer = NULL;
		state_fail(s, rc);
	}
	return rc == 0;
}

/* What reading goes through; NULL after an error. */
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

static uint64_t
value_sum(const void *key, size_t key_len, const void *data, size_t len)
{
	return checksum(checksum(0, key, key_len), data, len);
}

/* A key as LMDB wants it; numbers must be aligned. */
struct state_key {
	MDB_val val;
	uint64_t number;
};

static void
state_key_set(struct state_key *k, const struct state_table *t, const void *key,
    size_t len)
{
	k->val.mv_size = len;
	k->val.mv_data = (void *)(uintptr_t)key;
	if (t->keys == STATE_NUMBERS) {
		memcpy(&k->number, key, sizeof k->number);
		k->val.mv_data = &k->number;
	}
}

/* Whether the stored value is sound; then what is behind the checksum. */
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
	if (sum == value_sum(key->mv_data, key->mv_size, *data, *len))
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

void
state_apply_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, unsigned flags)
{
	MDB_val room = { STATE_SUM_LEN + len, NULL };
	struct state_key k;
	uint64_t sum;
	int rc;

	if (!state_begin(t->state))
		return;
	state_key_set(&k, t, key, key_len);
	state_guard(t->state, true);
	rc = mdb_put(
	    t->state->writer, t->dbi, &k.val, &room, MDB_RESERVE | flags);
	if (rc == 0) {
		sum = value_sum(k.val.mv_data, key_len, data, len);
		memcpy(room.mv_data, &sum, STATE_SUM_LEN);
		if (len > 0)
			memcpy((char *)room.mv_data + STATE_SUM_LEN, data, len);
		(void)state_pages_add(&t->state->pages, room.mv_data);
	} else {
		state_fail(t->state, rc);
	}
	state_guard(t->state, false);
}

void
state_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len)
{
	if (!state_begin(t->state))
		return;
	state_ops_put(t, key, key_len, data, len, false);
	state_apply_put(t, key, key_len, data, len, 0);
}

void
state_append(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len)
{
	if (!state_begin(t->state))
		return;
	state_ops_put(t, key, key_len, data, len, true);
	state_apply_put(t, key, key_len, data, len, MDB_APPEND);
}

void
state_delete(struct state_table *t, const void *key, size_t key_len)
{
	struct state_key k;
	MDB_val old;
	int rc;

	if (!state_begin(t->state))
		return;
	state_key_set(&k, t, key, key_len);
	state_guard(t->state, true);
	rc = mdb_get(t->state->writer, t->dbi, &k.val, &old);
	if (rc == 0) {
		(void)state_pages_add(&t->state->pages, old.mv_data);
		rc = mdb_del(t->state->writer, t->dbi, &k.val, NULL);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	if (rc == 0)
		state_ops_delete(t, key, key_len);
}

/* The first entry whose key begins with the prefix, or the next one. */
static int
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

size_t
state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max)
{
	MDB_val key, data;
	MDB_cursor *c;
	size_t n = 0;
	int rc;

	if (max == 0 || !state_begin(t->state))
		return 0;
	state_guard(t->state, true);
	rc = mdb_cursor_open(t->state->writer, t->dbi, &c);
	if (rc == 0) {
		rc = state_cursor_step(
		    c, MDB_SET_RANGE, prefix, len, &key, &data);
		while (rc == 0) {
			(void)state_pages_add(&t->state->pages, data.mv_data);
			rc = mdb_cursor_del(c, 0);
			if (rc != 0 || ++n == max)
				break;
			/* Of a cursor that deleted it is what followed. */
			rc = state_cursor_step(
			    c, MDB_NEXT, prefix, len, &key, &data);
		}
		mdb_cursor_close(c);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	if (n > 0)
		state_ops_prefix(t, prefix, len, n);
	return n;
}

void
state_empty(struct state_table *t)
{
	int rc;

	if (!state_begin(t->state))
		return;
	state_guard(t->state, true);
	rc = mdb_drop(t->state->writer, t->dbi, 0);
	if (rc != 0)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	state_ops_empty(t);
}

void
state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx)
{
	MDB_txn *txn = begin_reading(t->state);
	MDB_val key, stored;
	const void *data = NULL;
	size_t data_len = 0;
	MDB_cursor *c;
	bool more;
	int rc;

	if (txn == NULL)
		return;
	t->state->walks++;
	state_guard(t->state, true);
	rc = mdb_cursor_open(txn, t->dbi, &c);
	if (rc == 0) {
		rc = state_cursor_step(
		    c, MDB_SET_RANGE, prefix, len, &key, &stored);
		while (rc == 0) {
			if (!unwrap_value(
				t->state, &key, &stored, &data, &data_len))
				break;
			state_guard(t->state, false);
			more = entry(
			    ctx, key.mv_data, key.mv_size, data, data_len);
			state_guard(t->state, true);
			if (!more || t->state->rc != 0)
				break;
			rc = state_cursor_step(
			    c, MDB_NEXT, prefix, len, &key, &stored);
		}
		mdb_cursor_close(c);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	/* A change of another table does not end what it reads through. */
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
	const void *data;
	size_t len;
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
state_set_number(struct state *s, const char *name, int64_t n)
{
	state_put(s->meta, name, strlen(name), &n, sizeof n);
}

int64_t
state_version(struct state *s)
{
	int64_t last, now;

	if (s->version == 0) {
		last = state_number(s, "version", 0);
		now = clock_now_ms();
		s->version = now > last ? now : last + 1;
		state_set_number(s, "version", s->version);
	}
	return s->version;
}

void
state_seed(const struct state *s, uint64_t seed[2])
{
	seed[0] = s->seed[0];
	seed[1] = s->seed[1];
}
