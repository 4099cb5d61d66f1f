/*
 * state: see state.h. The file is verified before anything is used; the
 * settings are compared afterwards.
 */
#include "aggregator/state/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"
#include "common/os/file.h"
#include "common/records/forgotten.h"

/* The version changes with the meaning of any entry. */
static const struct lmdb_kind state_kind = {
	.name = "state",
	.format = "messaging-analytics stream 32",
	.way_out = "remove the file and replay all records "
		   "(messaging-stream(7), THE STATE)",
	.damaged = PROG_DATA,
	.full = "raise [aggregator] state_limit, or lower the window",
};

struct state {
	char *path;
	int lock; /* -1: none */
	size_t limit;
	struct lmdb_file *file;
	struct lmdb_table *meta;
	int64_t version; /* of the next commit; 0: not requested yet */
	int64_t last;    /* the last version that was requested */
	uint64_t seed[2];
};

struct lmdb_table *
state_table(struct state *s, const char *name)
{
	return lmdb_table(s->file, name, true);
}

static bool
get_meta_text(struct state *s, const char *key, const char **text, size_t *len)
{
	const void *data;

	if (!lmdb_get(s->meta, key, strlen(key), &data, len))
		return false;
	*text = data;
	return true;
}

static void
put_meta(struct lmdb_table *meta, const char *key, const void *data, size_t len)
{
	lmdb_put(meta, key, strlen(key), data, len);
}

int64_t
state_number(struct state *s, const char *name, int64_t def)
{
	const char *data = NULL;
	size_t len = 0;
	int64_t n;

	if (!get_meta_text(s, name, &data, &len))
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
	put_meta(s->meta, name, &n, sizeof n);
}

int64_t
state_version(struct state *s)
{
	int64_t now;

	if (s->version == 0) {
		now = clock_now_ms();
		s->version = now > s->last ? now : s->last + 1;
		s->last = s->version;
		state_set_number(s, "version", s->version);
	}
	return s->version;
}

void
state_raise_version(struct state *s, int64_t version)
{
	if (version <= s->last)
		return;
	s->last = version;
	state_set_number(s, "version", version);
}

const char *
state_format(void)
{
	return strrchr(state_kind.format, ' ') + 1;
}

void
state_seed(const struct state *s, uint64_t seed[2])
{
	seed[0] = s->seed[0];
	seed[1] = s->seed[1];
}

void
state_commit_begin(struct state *s)
{
	lmdb_commit_begin(s->file);
	s->version = 0;
}

bool
state_commit_done(const struct state *s)
{
	return lmdb_commit_done(s->file);
}

enum exit_code
state_commit_finish(struct state *s, struct buf *why)
{
	(void)lmdb_commit_finish(s->file);
	return lmdb_explain(s->file, why);
}

enum exit_code
state_commit(struct state *s, struct buf *why)
{
	(void)lmdb_commit(s->file);
	s->version = 0;
	return lmdb_explain(s->file, why);
}

enum exit_code
state_rewrite(struct state *s, struct buf *why)
{
	(void)lmdb_rewrite(s->file);
	return lmdb_explain(s->file, why);
}

bool
state_failed(const struct state *s)
{
	return lmdb_failed(s->file);
}

void
state_set_damaged(struct state *s)
{
	lmdb_fail_damaged(s->file, "its entries contradict each other");
}

static enum exit_code
check_identity(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const char *seed = NULL, *text = "";
	size_t len = 0;
	int64_t window;

	if (!get_meta_text(s, "seed", &seed, &len) || len != sizeof s->seed)
		state_set_damaged(s);
	else
		memcpy(s->seed, seed, sizeof s->seed);
	if (!get_meta_text(s, "definition", &text, &len))
		state_set_damaged(s);
	window = state_number(s, "window", -1);
	s->last = state_number(s, "version", 0);
	if (state_failed(s))
		return lmdb_explain(s->file, why);
	if (len != strlen(id->definition) ||
	    memcmp(text, id->definition, len) != 0) {
		buf_setf(why,
		    "state '%s' was created with --definition %.*s; use that, "
		    "or choose another folder with --state",
		    s->path, (int)len, text);
		return PROG_CONFIG;
	}
	if (window != id->window_ms) {
		buf_setf(why,
		    "state '%s' was created with --window %llds; use that, or "
		    "choose another folder with --state",
		    s->path, (long long)(window / 1000));
		return PROG_CONFIG;
	}
	return PROG_OK;
}

static void
put_identity(struct lmdb_file *f, const struct state_identity *id)
{
	struct lmdb_table *meta = lmdb_table(f, LMDB_META, true);
	uint64_t seed[2];

	if (meta == NULL)
		return;
	random_fill(seed, sizeof seed);
	put_meta(meta, "seed", seed, sizeof seed);
	put_meta(meta, "definition", id->definition, strlen(id->definition));
	put_meta(meta, "window", &id->window_ms, sizeof id->window_ms);
}

static enum exit_code
create_file(
    const struct state *s, const struct state_identity *id, struct buf *why)
{
	char *path = xasprintf("%s.new", s->path);
	struct lmdb_file *f = lmdb_new(&state_kind, path, s->limit, false);
	enum exit_code code;

	if (unlink(path) == -1 && errno != ENOENT)
		lmdb_fail(f, errno);
	else if (lmdb_open(f)) {
		lmdb_begin_file(f);
		put_identity(f, id);
	}
	(void)lmdb_install(f, s->path);
	code = lmdb_explain(f, why);
	lmdb_close(f);
	free(path);
	return code;
}

/* The folder must be locked. */
static enum exit_code
open_file(struct state *s, const struct state_identity *id, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct stat st;

	if (access(s->path, F_OK) != 0)
		code = create_file(s, id, why);
	if (code != PROG_OK)
		return code;
	s->file = lmdb_new(&state_kind, s->path, s->limit, false);
	/* LMDB would make a new file from an empty one. */
	if (stat(s->path, &st) == 0 && st.st_size == 0)
		lmdb_fail_damaged(s->file, "it is empty");
	else if (lmdb_open(s->file) && lmdb_verify(s->file, true))
		s->meta = state_table(s, LMDB_META);
	return s->meta != NULL ? check_identity(s, id, why)
			       : lmdb_explain(s->file, why);
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
	struct state *s = xcalloc(1, sizeof *s);

	s->limit = limit;
	s->path = xasprintf("%s/" STREAM_MDB, dir);
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
	if (s == NULL)
		return;
	lmdb_close(s->file);
	lock_release(s->lock);
	free(s->path);
	free(s);
}
