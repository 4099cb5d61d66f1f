/*
 * state: opens tables and changes them, in LMDB's transaction and in the bytes
 * for the log. Reading is in state_read.c.
 */
#include "aggregator/state/state_impl.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

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

struct state_table *
state_table(struct state *s, const char *name, enum state_keys keys)
{
	unsigned flags = keys == STATE_NUMBERS ? MDB_INTEGERKEY : 0;
	struct state_table *t;
	MDB_dbi dbi = 0;
	bool made = false;
	size_t i;
	int rc;

	for (i = 0; i < s->tables_n; i++)
		if (strcmp(s->tables[i]->name, name) == 0)
			return s->tables[i];
	if (!state_begin(s))
		return NULL;
	state_guard(s, true);
	rc = s->tables_n < STATE_TABLES
		 ? mdb_dbi_open(s->writer, name, flags, &dbi)
		 : MDB_DBS_FULL;
	if (rc == MDB_NOTFOUND) {
		made = true;
		rc = mdb_dbi_open(s->writer, name, MDB_CREATE | flags, &dbi);
	}
	state_guard(s, false);
	if (rc != 0) {
		state_fail(s, rc);
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->state = s;
	t->name = xstrdup(name);
	t->dbi = dbi;
	t->keys = keys;
	s->tables[s->tables_n++] = t;
	if (made)
		state_ops_table(t);
	return t;
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
		sum = state_value_sum(k.val.mv_data, key_len, data, len);
		memcpy(room.mv_data, &sum, STATE_SUM_LEN);
		if (len > 0)
			memcpy((char *)room.mv_data + STATE_SUM_LEN, data, len);
		(void)state_dirty_pages_add(&t->state->pages, room.mv_data);
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
		(void)state_dirty_pages_add(&t->state->pages, old.mv_data);
		rc = mdb_del(t->state->writer, t->dbi, &k.val, NULL);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(t->state, rc);
	state_guard(t->state, false);
	if (rc == 0)
		state_ops_delete(t, key, key_len);
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
			(void)state_dirty_pages_add(
			    &t->state->pages, data.mv_data);
			rc = mdb_cursor_del(c, 0);
			if (rc != 0 || ++n == max)
				break;
			/* After a deletion it is the entry that followed. */
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
