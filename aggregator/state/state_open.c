/*
 * state_open: opens a state, or rejects it; rewrites its file; see state.h.
 *
 * The whole file is read and verified before anything is used; the settings are
 * compared afterwards.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"
#include "common/os/file.h"

#define FORMAT "messaging-analytics stream 21"
#define FORMAT_ANY "messaging-analytics stream "

static bool
is_there(const char *dir)
{
	char *path = xasprintf("%s/" STREAM_MDB, dir);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static struct state *
new_state(const char *dir, const char *name, size_t limit)
{
	struct state *s = xcalloc(1, sizeof *s);

	s->lock = -1;
	s->limit = limit;
	s->dir = xstrdup(dir);
	s->path = xasprintf("%s/%s", dir, name);
	return s;
}

static void
open_env(struct state *s)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NORDAHEAD | MDB_NOLOCK;
	int rc = mdb_env_create(&s->env);

	s->map = state_map_size(s);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, STATE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, s->map);
	if (rc == 0) {
		state_prepare_guard(s);
		state_guard(true);
		/* stream.lock is already held, so LMDB needs no lock. */
		rc = mdb_env_open(s->env, s->path, flags, 0600);
		state_guard(false);
	}
	if (rc != 0)
		state_fail(s, rc);
}

static size_t
list_tables(struct state *s, char *names[STATE_TABLES])
{
	MDB_cursor *c = NULL;
	MDB_dbi all = 0;
	MDB_val key;
	size_t n = 0;
	int rc;

	if (!state_begin(s))
		return 0;
	state_guard(true);
	rc = mdb_dbi_open(s->txn, NULL, 0, &all);
	if (rc == 0)
		rc = mdb_cursor_open(s->txn, all, &c);
	while (rc == 0 && n < STATE_TABLES &&
	       (rc = mdb_cursor_get(c, &key, NULL, MDB_NEXT)) == 0)
		names[n++] = xstrndup(key.mv_data, key.mv_size);
	if (c != NULL)
		mdb_cursor_close(c);
	state_guard(false);
	if (rc != MDB_NOTFOUND)
		state_fail_damaged(s, "its list of tables cannot be read");
	return n;
}

static void
verify_table(struct state *s, const char *name)
{
	const char *why;

	state_guard(true);
	why = lmdb_verify_table(s->txn, name, &s->sum);
	state_guard(false);
	if (why != NULL)
		state_fail_damaged(s, "its table '%s' %s", name, why);
}

static void
verify_file(struct state *s)
{
	char *names[STATE_TABLES];
	size_t i, n = list_tables(s, names);

	for (i = 0; i < n; i++) {
		if (s->rc == 0)
			verify_table(s, names[i]);
		free(names[i]);
	}
	state_guard(true);
	if (s->rc == 0 && !lmdb_verify_digest(s->txn, s->meta->dbi, s->sum,
			      mdb_txn_id(s->txn) - 1))
		state_fail_damaged(
		    s, "its entries do not match its last commit");
	state_guard(false);
}

static bool
get_meta_text(struct state *s, const char *key, const char **text, size_t *len)
{
	const void *data;

	if (!state_get(s->meta, key, strlen(key), &data, len))
		return false;
	*text = data;
	return true;
}

static void
put_meta_text(struct state *s, const char *key, const char *text)
{
	state_put(s->meta, key, strlen(key), text, strlen(text));
}

/* Reads the version without its checksum, which other versions may compute in
 * another way. */
static void
check_version(struct state *s)
{
	MDB_val key = { strlen("format"), (void *)(uintptr_t) "format" }, v;
	const char *text;
	size_t len;
	int rc;

	s->meta = state_table(s, LMDB_META);
	if (s->meta == NULL)
		return;
	state_guard(true);
	rc = mdb_get(s->txn, s->meta->dbi, &key, &v);
	if (rc == 0 && v.mv_size > LMDB_SUM_LEN) {
		text = (const char *)v.mv_data + LMDB_SUM_LEN;
		len = v.mv_size - LMDB_SUM_LEN;
		if (len > strlen(FORMAT_ANY) &&
		    memcmp(text, FORMAT_ANY, strlen(FORMAT_ANY)) == 0 &&
		    (len != strlen(FORMAT) || memcmp(text, FORMAT, len) != 0))
			state_fail(s, MDB_VERSION_MISMATCH);
	} else {
		state_fail_damaged(s, "its description is missing");
	}
	state_guard(false);
}

/* Rejects a state from another shard, or from another generation of the
 * topology. */
static enum exit_code
check_state_part(struct state *s, const char *want, struct buf *why)
{
	const char *text = "";
	size_t len = 0;

	if (want == NULL)
		return PROG_OK;
	if (!get_meta_text(s, "part", &text, &len))
		len = 0;
	if (len == strlen(want) && memcmp(text, want, len) == 0)
		return PROG_OK;
	buf_setf(why,
	    "state '%s' belongs to %s%.*s, not to %s%s; choose another folder "
	    "with --state",
	    s->path, len > 0 ? "part " : "one aggregator alone", (int)len, text,
	    want[0] != '\0' ? "part " : "one alone", want);
	return PROG_CONFIG;
}

static enum exit_code
check_identity(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const void *seed = NULL;
	const char *text = "";
	size_t len = 0;
	int64_t window;

	if (!state_get(s->meta, "seed", strlen("seed"), &seed, &len) ||
	    len != sizeof s->seed)
		state_set_damaged(s);
	else
		memcpy(s->seed, seed, sizeof s->seed);
	if (!get_meta_text(s, "definition", &text, &len))
		state_set_damaged(s);
	if (s->rc != 0)
		return state_explain(s, why);
	if (len != strlen(id->definition) ||
	    memcmp(text, id->definition, len) != 0) {
		buf_setf(why,
		    "state '%s' was created with --definition %.*s; use that, "
		    "or choose another folder with --state",
		    s->path, (int)len, text);
		return PROG_CONFIG;
	}
	window = state_number(s, "window", -1);
	if (window != id->window_ms) {
		buf_setf(why,
		    "state '%s' was created with --window %llds; use that, or "
		    "choose another folder with --state",
		    s->path, (long long)(window / 1000));
		return PROG_CONFIG;
	}
	if (id->span_ms != 0 && state_number(s, "span", 0) != id->span_ms) {
		state_fail(s, MDB_VERSION_MISMATCH);
		return state_explain(s, why);
	}
	return check_state_part(s, id->part, why);
}

/* Makes a new file under a temporary name in a locked folder. */
static struct state *
make_file(const char *dir, size_t limit)
{
	struct state *s = new_state(dir, STREAM_MDB ".new", limit);

	if (unlink(s->path) == -1 && errno != ENOENT)
		state_fail(s, errno);
	if (s->rc == 0)
		open_env(s);
	s->meta = state_table(s, LMDB_META);
	return s;
}

/* When everything is committed: renames it to the state's name. Frees s. */
static enum exit_code
install_file(struct state *s, struct buf *why)
{
	enum exit_code code = state_commit(s, why);
	char *to = xasprintf("%s/" STREAM_MDB, s->dir);

	if (code == PROG_OK && file_rename(s->path, to) == -1)
		code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", to);
	free(to);
	state_close(s);
	return code;
}

static enum exit_code
create_state(const char *dir, const struct state_identity *id, size_t limit,
    struct buf *why)
{
	struct state *s = make_file(dir, limit);

	if (s->rc == 0) {
		random_fill(s->seed, sizeof s->seed);
		put_meta_text(s, "format", FORMAT);
		put_meta_text(s, "definition", id->definition);
		state_set_number(s, "window", id->window_ms);
		if (id->span_ms != 0)
			state_set_number(s, "span", id->span_ms);
		if (id->part != NULL && id->part[0] != '\0')
			put_meta_text(s, "part", id->part);
		state_put(
		    s->meta, "seed", strlen("seed"), s->seed, sizeof s->seed);
	}
	return install_file(s, why);
}

/* The folder must be locked. */
static enum exit_code
open_file(struct state *s, const struct state_identity *id, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct stat st;

	if (!is_there(s->dir))
		code = create_state(s->dir, id, s->limit, why);
	if (code != PROG_OK)
		return code;
	/* LMDB would make a new file from an empty one. */
	if (stat(s->path, &st) == 0 && st.st_size == 0)
		state_fail_damaged(s, "it is empty");
	if (s->rc == 0)
		open_env(s);
	if (s->rc == 0)
		check_version(s);
	if (s->rc == 0)
		verify_file(s);
	return s->rc == 0 ? check_identity(s, id, why) : state_explain(s, why);
}

/* Makes the folder of --state if it is missing, and locks it. */
static int
lock_folder(const char *dir, enum exit_code *code, struct buf *why)
{
	char *path = xasprintf("%s/" STREAM_LOCK, dir);
	bool there = mkdir(dir, 0700) == 0 || errno == EEXIST;
	int fd = there ? lock_take(path, why) : -1, err;

	err = errno;
	free(path);
	errno = err;
	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK) {
		*code = PROG_TEMPFAIL;
		buf_adds(
		    why, "; stop it, or choose another folder with --state");
	} else if (there && errno != ENOTDIR) {
		*code = syserr_code(errno, PROG_CANTCREATE);
	} else {
		*code = syserr_explain(why, PROG_CANTCREATE,
		    "cannot use '%s' of --state as a folder", dir);
	}
	return -1;
}

static struct state *
open_folder(const char *dir, const struct state_identity *id, size_t limit,
    enum exit_code *code, struct buf *why)
{
	struct state *s = new_state(dir, STREAM_MDB, limit);

	s->lock = lock_folder(dir, code, why);
	if (s->lock >= 0) {
		*code = open_file(s, id, why);
		if (*code == PROG_OK)
			return s;
	}
	state_close(s);
	return NULL;
}

/* The file is unlinked after it is opened, so nothing remains even if the
 * process is killed. */
static struct state *
open_nameless(const struct state_identity *id, size_t limit,
    enum exit_code *code, struct buf *why)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/aggregator.XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	struct state *s = NULL;
	char *lock;

	if (mkdtemp(dir) == NULL) {
		*code = syserr_explain(why, PROG_CANTCREATE,
		    "cannot make the folder '%s'; set TMPDIR", dir);
		free(dir);
		return NULL;
	}
	s = open_folder(dir, id, limit, code, why);
	if (s != NULL)
		(void)unlink(s->path);
	lock = xasprintf("%s/" STREAM_LOCK, dir);
	(void)unlink(lock);
	(void)rmdir(dir);
	free(lock);
	free(dir);
	return s;
}

struct state *
state_open(const char *dir, const struct state_identity *id, size_t limit,
    enum exit_code *code, struct buf *why)
{
	return dir != NULL ? open_folder(dir, id, limit, code, why)
			   : open_nameless(id, limit, code, why);
}

void
state_close(struct state *s)
{
	size_t i;

	if (s == NULL)
		return;
	state_join(s);
	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	if (s->env != NULL)
		mdb_env_close(s->env);
	if (s->lock >= 0)
		lock_release(s->lock);
	for (i = 0; i < s->tables_n; i++) {
		free(s->tables[i]->name);
		free(s->tables[i]);
	}
	free(s->path);
	free(s->dir);
	free(s);
}

/* Copies an entry to the table of the new state, the context. */
static bool
copy_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct state_table *to = ctx;

	/* The new state makes its own digest. */
	if (to != to->state->meta || key_len != strlen(LMDB_DIGEST) ||
	    memcmp(key, LMDB_DIGEST, key_len) != 0)
		state_put(to, key, key_len, data, len);
	return !state_failed(to->state);
}

static void
copy_tables(struct state *new, struct state *old)
{
	char *names[STATE_TABLES];
	size_t i, n = list_tables(old, names);

	for (i = 0; i < n; i++) {
		struct state_table *from = state_table(old, names[i]);
		struct state_table *to = state_table(new, names[i]);

		if (from != NULL && to != NULL)
			state_each(from, NULL, 0, copy_entry, to);
		free(names[i]);
	}
}

/* The new file keeps the old seed, because hashes in it depend on the seed. */
enum exit_code
state_rewrite(struct state *old, struct buf *why)
{
	struct state *new = make_file(old->dir, old->limit);
	enum exit_code code;

	copy_tables(new, old);
	if (!state_failed(old))
		/* The old state is still open, so the folder stays locked. */
		return install_file(new, why);
	code = state_explain(old, why);
	state_close(new);
	return code;
}
