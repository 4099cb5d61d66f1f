/*
 * state: reads, changes and commits. state.h explains checksums and the digest.
 */
#include "aggregator/state/state_impl.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

/* If address space is limited: the maximum number of bytes by which one commit
 * can enlarge the file. */
#define ROOM ((size_t)256 << 20)

size_t
state_map_size(const struct state *s)
{
	struct rlimit addresses;
	struct stat st;
	size_t size = lstat(s->path, &st) == 0 ? (size_t)st.st_size : 0;

	if (getrlimit(RLIMIT_AS, &addresses) != 0 ||
	    addresses.rlim_cur == RLIM_INFINITY || size + 2 * ROOM > s->limit)
		return s->limit;
	return (size / ROOM + 2) * ROOM;
}

/* Call between two transactions. */
static void
grow_address_map(struct state *s)
{
	size_t size = state_map_size(s);
	int rc;

	if (size <= s->map)
		return;
	rc = mdb_env_set_mapsize(s->env, size);
	if (rc != 0)
		state_fail(s, rc);
	s->map = size;
}

void
state_join(struct state *s)
{
	if (s->committing == NULL)
		return;
	if (s->threaded)
		(void)pthread_join(s->thread, NULL);
	s->committing = NULL;
	if (s->committed != 0)
		state_fail(s, s->committed);
	else
		grow_address_map(s);
}

bool
state_begin(struct state *s)
{
	int rc;

	state_join(s);
	if (s->rc != 0)
		return false;
	if (s->txn != NULL)
		return true;
	rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
	if (rc != 0) {
		s->txn = NULL;
		state_fail(s, rc);
	}
	return rc == 0;
}

struct state_table *
state_table(struct state *s, const char *name)
{
	struct state_table *t;
	MDB_dbi dbi = 0;
	size_t i;
	int rc;

	for (i = 0; i < s->tables_n; i++)
		if (strcmp(s->tables[i]->name, name) == 0)
			return s->tables[i];
	if (!state_begin(s))
		return NULL;
	state_guard(true);
	rc = s->tables_n < STATE_TABLES
		 ? mdb_dbi_open(s->txn, name, MDB_CREATE, &dbi)
		 : MDB_DBS_FULL;
	state_guard(false);
	if (rc != 0) {
		state_fail(s, rc);
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->state = s;
	t->name = xstrdup(name);
	t->seed = lmdb_seed(name);
	t->dbi = dbi;
	s->tables[s->tables_n++] = t;
	return t;
}

static MDB_val
bytes_of(const void *p, size_t len)
{
	return (MDB_val){ len, (void *)(uintptr_t)p };
}

/* Unwraps a value for a caller of state_get() or state_each(). */
static bool
unwrap_value(const struct state_table *t, const MDB_val *key, MDB_val *v)
{
	if (lmdb_unwrap(t->seed, key, v))
		return true;
	state_fail_damaged(t->state,
	    "a value of its table '%s' was changed while it was open", t->name);
	return false;
}

bool
state_get(struct state_table *t, const void *key, size_t key_len,
    const void **data, size_t *len)
{
	struct state *s = t->state;
	MDB_val k = bytes_of(key, key_len), v;
	int rc;

	if (!state_begin(s))
		return false;
	state_guard(true);
	rc = mdb_get(s->txn, t->dbi, &k, &v);
	if (rc == 0 && unwrap_value(t, &k, &v)) {
		*data = v.mv_data;
		*len = v.mv_size;
	} else if (rc != 0 && rc != MDB_NOTFOUND) {
		state_fail(s, rc);
	}
	state_guard(false);
	return rc == 0 && s->rc == 0;
}

/* Removes the entry from the digest. */
static void
subtract_stored(struct state *s, const MDB_val *stored)
{
	s->changed = true;
	s->sum -= lmdb_stored_sum(stored);
}

static bool
is_stored(const MDB_val *stored, uint64_t sum, const void *data, size_t len)
{
	return stored->mv_size == LMDB_SUM_LEN + len &&
	       memcmp(stored->mv_data, &sum, LMDB_SUM_LEN) == 0 &&
	       (len == 0 || memcmp((const char *)stored->mv_data + LMDB_SUM_LEN,
				data, len) == 0);
}

void
state_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct state *s = t->state;
	MDB_val k = bytes_of(key, key_len), old;
	uint64_t sum;
	int rc;

	if (!state_begin(s))
		return;
	sum = lmdb_sum(t->seed, &k, data, len);
	state_guard(true);
	rc = mdb_get(s->txn, t->dbi, &k, &old);
	if (rc == 0 && is_stored(&old, sum, data, len)) {
		state_guard(false); /* The value is the same, so the page need
				     * not be written. */
		return;
	}
	if (rc == 0)
		subtract_stored(s, &old);
	else if (rc != MDB_NOTFOUND)
		state_fail(s, rc);
	rc = lmdb_put(s->txn, t->dbi, &k, sum, data, len);
	if (rc != 0)
		state_fail(s, rc);
	s->sum += sum;
	s->changed = true;
	state_guard(false);
}

void
state_delete(struct state_table *t, const void *key, size_t key_len)
{
	struct state *s = t->state;
	MDB_val k = bytes_of(key, key_len), old;
	int rc;

	if (!state_begin(s))
		return;
	state_guard(true);
	rc = mdb_get(s->txn, t->dbi, &k, &old);
	if (rc == 0) {
		subtract_stored(s, &old);
		rc = mdb_del(s->txn, t->dbi, &k, NULL);
	}
	state_guard(false);
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(s, rc);
}

/* Moves a cursor to the first entry whose key begins with the prefix
 * (MDB_SET_RANGE), or to the next one (MDB_NEXT). */
static int
step_cursor(MDB_cursor *c, MDB_cursor_op op, const void *prefix, size_t len,
    MDB_val *key, MDB_val *data)
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

/* end NULL: deletes all entries with that prefix. */
static size_t
delete_entries(struct state_table *t, const void *prefix, size_t len,
    const MDB_val *end, size_t max)
{
	struct state *s = t->state;
	MDB_val key, data;
	MDB_cursor *c;
	size_t n = 0;
	int rc;

	if (max == 0 || !state_begin(s))
		return 0;
	state_guard(true);
	rc = mdb_cursor_open(s->txn, t->dbi, &c);
	if (rc == 0) {
		rc = step_cursor(c, MDB_SET_RANGE, prefix, len, &key, &data);
		while (rc == 0 && (end == NULL ||
				      mdb_cmp(s->txn, t->dbi, &key, end) < 0)) {
			subtract_stored(s, &data);
			rc = mdb_cursor_del(c, 0);
			if (rc != 0 || ++n == max)
				break;
			/* After a deletion the cursor is already at the next
			 * entry. */
			rc = step_cursor(c, MDB_NEXT, prefix, len, &key, &data);
		}
		mdb_cursor_close(c);
	}
	state_guard(false);
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(s, rc);
	return n;
}

size_t
state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max)
{
	return delete_entries(t, prefix, len, NULL, max);
}

size_t
state_delete_before(struct state_table *t, const void *prefix, size_t len,
    const void *key, size_t key_len, size_t max)
{
	const MDB_val end = { key_len, (void *)(uintptr_t)key };

	return delete_entries(t, prefix, len, &end, max);
}

/* Returns why the iteration ended: 0 if entry() ended it, or a damaged
 * value. */
static int
walk_entries(struct state_table *t, MDB_cursor *c, const void *prefix,
    size_t len, state_entry_fn *entry, void *ctx)
{
	MDB_val key, v;
	bool more;
	int rc;

	rc = step_cursor(c, MDB_SET_RANGE, prefix, len, &key, &v);
	while (rc == 0) {
		notify_alive(); /* A walk may take minutes. */
		if (!unwrap_value(t, &key, &v))
			break;
		state_guard(false);
		more =
		    entry(ctx, key.mv_data, key.mv_size, v.mv_data, v.mv_size);
		state_guard(true);
		if (!more || t->state->rc != 0)
			break;
		rc = step_cursor(c, MDB_NEXT, prefix, len, &key, &v);
	}
	return rc;
}

void
state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx)
{
	struct state *s = t->state;
	MDB_cursor *c;
	int rc;

	if (!state_begin(s))
		return;
	state_guard(true);
	rc = mdb_cursor_open(s->txn, t->dbi, &c);
	if (rc == 0) {
		rc = walk_entries(t, c, prefix, len, entry, ctx);
		mdb_cursor_close(c);
	}
	state_guard(false);
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(s, rc);
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
		state_set_damaged(s);
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

static void *
commit_main(void *ctx)
{
	struct state *s = ctx;

	state_guard(true);
	s->committed = mdb_txn_commit(s->committing);
	state_guard(false);
	atomic_store(&s->done, true);
	return NULL;
}

void
state_commit_begin(struct state *s)
{
	struct buf why = BUF_INIT;
	int rc;

	state_join(s);
	if (s->rc != 0 || !s->changed)
		return;
	state_guard(true);
	rc = lmdb_put_digest(s->txn, s->meta->dbi, s->sum);
	state_guard(false);
	if (rc != 0) {
		state_fail(s, rc);
		return;
	}
	s->changed = false;
	s->version = 0;
	s->committing = s->txn;
	s->txn = NULL;
	atomic_store(&s->done, false);
	s->threaded =
	    thread_start(&s->thread, "commit", commit_main, s, &why) == PROG_OK;
	if (!s->threaded) /* too little memory or too many threads */
		(void)commit_main(s);
	buf_release(&why);
}

bool
state_commit_done(const struct state *s)
{
	return s->committing == NULL || atomic_load(&s->done);
}

enum exit_code
state_commit_finish(struct state *s, struct buf *why)
{
	state_join(s);
	return s->rc == 0 ? PROG_OK : state_explain(s, why);
}

enum exit_code
state_commit(struct state *s, struct buf *why)
{
	state_commit_begin(s);
	return state_commit_finish(s, why);
}
