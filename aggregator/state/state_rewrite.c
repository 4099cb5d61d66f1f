/*
 * state_rewrite: see state.h. The new state is made in a folder of its own,
 * with the seed of the old one, from which hashes in it are made.
 */
#include <stdlib.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"

#include "aggregator/state/state_impl.h"

/* Entries in one commit of the new state. */
#define COPY_AT_ONCE 10000

struct rewrite {
	struct state *old, *new;
	state_copy_fn *copy;
	void *ctx;
	struct buf *why;
	enum exit_code code;

	/* The current table. */
	const char *name;
	struct state_table *to;
	size_t n; /* entries since the last commit */
};

/* What a new state has of its own. */
static bool
is_made_anew(const void *key, size_t len)
{
	static const char *const names[] = { "format", "definition", "window",
		"span", "part", "seed", STATE_COMMIT_NUMBER };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], key, len) == 0)
			return true;
	return false;
}

static bool
copy_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct rewrite *r = ctx;

	if (r->to != r->new->meta)
		r->copy(r->ctx, r->to, r->name, key, key_len, data, len);
	else if (!is_made_anew(key, key_len))
		state_put(r->to, key, key_len, data, len);
	if (++r->n < COPY_AT_ONCE)
		return true;
	r->n = 0;
	r->code = state_commit(r->new, r->why);
	return r->code == PROG_OK;
}

static enum state_keys
keys_of(struct state *s, const char *name)
{
	unsigned flags = 0;
	MDB_dbi dbi;
	int rc = mdb_dbi_open(s->writer, name, 0, &dbi);

	if (rc == 0)
		rc = mdb_dbi_flags(s->writer, dbi, &flags);
	if (rc != 0)
		state_fail(s, rc);
	return (flags & MDB_INTEGERKEY) != 0 ? STATE_NUMBERS : STATE_BYTES;
}

static void
copy_table(struct rewrite *r, const char *name)
{
	enum state_keys keys = keys_of(r->old, name);
	struct state_table *from = state_table(r->old, name, keys);

	r->name = name;
	r->to = state_table(r->new, name, keys);
	if (from != NULL && r->to != NULL)
		state_each(from, NULL, 0, copy_entry, r);
}

/* The names of all tables, which LMDB keeps in a table of its own; owned. */
static size_t
list_tables(struct state *s, char *names[STATE_TABLES])
{
	MDB_cursor *c = NULL;
	MDB_dbi all = 0;
	MDB_val key;
	size_t n = 0;
	int rc =
	    state_begin(s) ? mdb_dbi_open(s->writer, NULL, 0, &all) : s->rc;

	if (rc == 0)
		rc = mdb_cursor_open(s->writer, all, &c);
	while (rc == 0 && n < STATE_TABLES &&
	       (rc = mdb_cursor_get(c, &key, NULL, MDB_NEXT)) == 0)
		names[n++] = xstrndup(key.mv_data, key.mv_size);
	if (c != NULL)
		mdb_cursor_close(c);
	if (rc != 0 && rc != MDB_NOTFOUND)
		state_fail(s, rc);
	return n;
}

static void
copy_tables(struct rewrite *r)
{
	char *names[STATE_TABLES];
	size_t i, n = list_tables(r->old, names);

	for (i = 0; i < n; i++) {
		if (r->code == PROG_OK && !state_failed(r->old))
			copy_table(r, names[i]);
	}
	for (i = 0; i < n; i++)
		free(names[i]);
	if (r->code == PROG_OK)
		r->code = state_commit(r->new, r->why);
	if (r->code == PROG_OK && state_failed(r->old))
		r->code = state_explain(r->old, r->old->rc, r->why);
}

static enum exit_code
explain_exchange(const char *dir, struct buf *why)
{
	return syserr_explain(
	    why, PROG_CANTCREATE, "cannot write the state '%s' anew", dir);
}

/* The old one is open, so that its folder stays locked. */
static enum exit_code
rewrite_into(struct rewrite *r, const struct state_identity *id, size_t limit)
{
	char *dir = xasprintf("%s/%s", r->old->dir, STATE_UNFINISHED);

	r->new =
	    state_open_seeded(dir, id, limit, r->old->seed, &r->code, r->why);
	if (r->new != NULL) {
		r->code = PROG_OK;
		copy_tables(r);
	}
	if (r->code == PROG_OK) {
		state_checkpoint(r->new);
		r->code = state_commit(r->new, r->why);
	}
	state_close(r->new);
	free(dir);
	if (r->code == PROG_OK && state_exchange(r->old->dir) != 0)
		r->code = explain_exchange(r->old->dir, r->why);
	return r->code;
}

enum exit_code
state_rewrite(const char *dir, const struct state_identity *id, size_t limit,
    state_copy_fn *copy, void *ctx, struct buf *why)
{
	struct rewrite r = { .copy = copy, .ctx = ctx, .why = why };

	if (!state_is_there(dir))
		return PROG_OK;
	r.old = state_open(dir, id, limit, &r.code, why);
	if (r.old == NULL)
		return r.code;
	r.code = PROG_OK;
	if (state_exchange_clear(dir) != 0)
		r.code = explain_exchange(dir, why);
	if (r.code == PROG_OK)
		r.code = rewrite_into(&r, id, limit);
	state_close(r.old);
	return r.code;
}
