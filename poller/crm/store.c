/*
 * store: see store.h. Changes stay in memory until they are committed, so that
 * other processes can write meanwhile. Keys are stored with their NUL.
 */
#include "poller/crm/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

#define FORMAT "messaging-analytics poller 8"

/* The maximum size of a file: far more than tenants and spools have. */
#define STORE_BYTES ((size_t)16 << 30)

static const char *const table_names[STORE_TABLES] = { LMDB_META, "chats",
	"lines", "keys" };

static const struct lmdb_kind store_of_tenant = {
	.name = "state",
	.format = FORMAT,
	.way_out = "remove it while no poller runs; the next poll "
		   "then reads everything",
	.damaged = PROG_IO,
	.full = "remove it while no poller runs; the next poll "
		"then reads everything",
};
const struct lmdb_kind store_of_requests = {
	.name = "spool",
	.format = FORMAT,
	.way_out = "move it away to start with an empty spool",
	.damaged = PROG_IO,
	.full = "lower [listen] spool",
};

/* A change that is not committed yet. */
struct store_change {
	enum store_table table;
	char *key;
	void *data; /* NULL: delete */
	size_t len;
};

struct store {
	const struct lmdb_kind *kind;
	char *path;
	int lock; /* -1: shared */
	struct lmdb_file *file;
	struct lmdb_table *tables[STORE_TABLES];
	bool emptied; /* a change: before the others, the tables are emptied */
	struct store_change *changes;
	size_t changes_n, changes_cap;
};

void
store_forget_changes(struct store *s)
{
	size_t i;

	for (i = 0; i < s->changes_n; i++) {
		free(s->changes[i].key);
		free(s->changes[i].data);
	}
	s->changes_n = 0;
	s->emptied = false;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	lmdb_close(s->file);
	lock_release(s->lock);
	store_forget_changes(s);
	free(s->changes);
	free(s->path);
	free(s);
}

static int
lock_tenant_state(struct store *s, const char *dir, const char *tenant,
    enum exit_code *code, struct buf *why)
{
	char *name = xasprintf("%s/%s.lock", dir, tenant);

	s->lock = lock_take(name, why);
	if (s->lock < 0)
		*code = syserr_code(errno, PROG_CANTCREATE);
	free(name);
	return s->lock < 0 ? -1 : 0;
}

int
store_make_folder(const char *dir, enum exit_code *code, struct buf *why)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	*code = syserr_explain(
	    why, PROG_CANTCREATE, "cannot create the state folder '%s'", dir);
	return -1;
}

static void
open_tables(struct store *s, bool make)
{
	size_t i;

	for (i = 0; i < STORE_TABLES; i++)
		s->tables[i] = lmdb_table(s->file, table_names[i], make);
}

/* Opens the file and verifies it, or creates the tables of a file in which
 * nothing was ever committed: if tables are missing later, they were lost. A
 * writer would wait for other processes, for example for a poll that is
 * stopped, so it is needed for a new file only. */
static bool
open_file(struct store *s, bool verify)
{
	struct lmdb_file *f = lmdb_new(s->kind, s->path, STORE_BYTES, true);

	s->file = f;
	memset(s->tables, 0, sizeof s->tables);
	if (!lmdb_open(f))
		return false;
	if (lmdb_is_new(f) && lmdb_begin_changes(f)) {
		if (lmdb_is_new(f)) {
			lmdb_begin_file(f);
			open_tables(s, true);
			return lmdb_commit(f);
		}
		lmdb_abort(f); /* Another process was first. */
	}
	if (lmdb_verify(f, verify))
		open_tables(s, false);
	/* An open reader would prevent LMDB from reusing old pages. */
	lmdb_abort(f);
	return !lmdb_failed(f);
}

/* False if store_compact() could not open the file again. */
static bool
is_open(const struct store *s)
{
	return s->tables[STORE_TABLES - 1] != NULL;
}

bool
store_exists(const char *dir, const char *tenant)
{
	char *path = xasprintf("%s/%s.mdb", dir, tenant);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

struct store *
store_open(const char *dir, const char *tenant, enum store_access access,
    enum exit_code *code, struct buf *why)
{
	return store_open_kind(
	    &store_of_tenant, dir, tenant, access, code, why);
}

struct store *
store_open_kind(const struct lmdb_kind *kind, const char *dir,
    const char *tenant, enum store_access access, enum exit_code *code,
    struct buf *why)
{
	struct store *s = xcalloc(1, sizeof *s);
	int err;

	s->kind = kind;
	s->lock = -1;
	s->path = xasprintf("%s/%s.mdb", dir, tenant);
	if (store_make_folder(dir, code, why) != 0 ||
	    (access == STORE_EXCLUSIVE &&
		lock_tenant_state(s, dir, tenant, code, why) != 0)) {
		err = errno;
		store_close(s);
		errno = err;
		return NULL;
	}
	if (open_file(s, access == STORE_EXCLUSIVE))
		return s;
	*code = lmdb_explain(s->file, why);
	store_close(s);
	errno = 0;
	return NULL;
}

bool
store_get(struct store *s, enum store_table t, const char *key,
    const void **data, size_t *len)
{
	return is_open(s) &&
	       lmdb_get(s->tables[t], key, strlen(key) + 1, data, len);
}

static void
add_change(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len)
{
	struct store_change *c;

	XGROW(s->changes, s->changes_n, s->changes_cap);
	c = &s->changes[s->changes_n++];
	*c = (struct store_change){ t, xstrdup(key), NULL, len };
	if (data != NULL) {
		c->data = xmalloc(len + 1);
		memcpy(c->data, data, len);
	}
}

void
store_put(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len)
{
	add_change(s, t, key, data, len);
}

void
store_delete(struct store *s, enum store_table t, const char *key)
{
	add_change(s, t, key, NULL, 0);
}

void
store_empty(struct store *s)
{
	s->emptied = true;
}

enum exit_code
store_each(struct store *s, enum store_table t, lmdb_entry_fn *entry, void *ctx,
    struct buf *why)
{
	if (is_open(s))
		lmdb_each(s->tables[t], NULL, 0, entry, ctx);
	return lmdb_explain(s->file, why);
}

static void
write_changes(struct store *s)
{
	size_t i;

	for (i = STORE_META + 1; s->emptied && i < STORE_TABLES; i++)
		(void)lmdb_delete_prefix(s->tables[i], NULL, 0, SIZE_MAX);
	for (i = 0; i < s->changes_n; i++) {
		const struct store_change *c = &s->changes[i];
		struct lmdb_table *t = s->tables[c->table];

		if (c->data != NULL)
			lmdb_put(
			    t, c->key, strlen(c->key) + 1, c->data, c->len);
		else
			lmdb_delete(t, c->key, strlen(c->key) + 1);
	}
}

enum exit_code
store_commit(struct store *s, struct buf *why)
{
	enum exit_code code;

	if (lmdb_begin_changes(s->file))
		write_changes(s);
	(void)lmdb_commit(s->file);
	code = lmdb_explain(s->file, why);
	if (code == PROG_OK)
		store_forget_changes(s);
	if (is_open(s))
		lmdb_recover(s->file);
	return code;
}

bool
store_is_lost(const struct store *s)
{
	return lmdb_failed(s->file);
}

void
store_explain_missing(struct store *s, struct buf *why)
{
	lmdb_fail_damaged(s->file, "it lacks entries");
	(void)lmdb_explain(s->file, why);
}

enum exit_code
store_compact(struct store *s, struct buf *why)
{
	enum exit_code code;

	if (lmdb_failed(s->file))
		return lmdb_explain(s->file, why);
	(void)lmdb_rewrite(s->file);
	code = lmdb_explain(s->file, why);
	/* Whether this is the old file or the new one, it has all entries. */
	lmdb_close(s->file);
	return open_file(s, false) || code != PROG_OK
		   ? code
		   : lmdb_explain(s->file, why);
}

int64_t
store_number(struct store *s, const char *key, int64_t def)
{
	const void *data;
	size_t len;
	int64_t n;

	if (!store_get(s, STORE_META, key, &data, &len) || len != sizeof n)
		return def;
	memcpy(&n, data, sizeof n);
	return n;
}

void
store_set_number(struct store *s, const char *key, int64_t n)
{
	store_put(s, STORE_META, key, &n, sizeof n);
}
