/*
 * state_open: opens the file of a state, or refuses it; see state.h.
 *
 * What is looked at before anything is used: the file is as long as it says,
 * it is of our version and was made for the same settings, and its lists of
 * free pages name pages that there are: LMDB would write through a bad one.
 */
#define _DEFAULT_SOURCE /* getentropy, sigaction's flags */

#include "aggregator/state_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/xalloc.h"

#define FORMAT "messaging-analytics stream 1"
#define DAMAGED                                                                \
	"state '%s' is damaged; put a copy back, or remove it and replay "     \
	"what is within the window"

/* What a crash inside LMDB is told with. */
static char damaged[512];
static volatile sig_atomic_t guarded;

static void
die_damaged(void)
{
	ssize_t ignored = write(STDERR_FILENO, damaged, strlen(damaged));

	(void)ignored;
	_exit(PROG_DATA);
}

static void
crashed(int signo)
{
	if (guarded)
		die_damaged();
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

static void
assertion(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	die_damaged();
}

void
state_guard(const struct state *s, bool on)
{
	(void)s;
	guarded = on;
}

static void
prepare_guard(const struct state *s)
{
	static const int signals[] = { SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = crashed };
	size_t i;

	(void)snprintf(
	    damaged, sizeof damaged, "%s: " DAMAGED "\n", prog_name(), s->path);
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
	(void)mdb_env_set_assert(s->env, assertion);
}

/* A damaged page may ask for more room than there is. */
static bool
is_full(const struct state *s)
{
	struct stat st;

	return lstat(s->path, &st) != 0 ||
	       (size_t)st.st_size + s->asked > s->limit / 2;
}

enum exit_code
state_explain(const struct state *s, int rc, struct buf *why)
{
	switch (rc) {
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_BAD_TXN:
	case MDB_PAGE_FULL:
	case MDB_CURSOR_FULL:
	case MDB_BAD_VALSIZE:
		buf_setf(why, DAMAGED, s->path);
		return PROG_DATA;
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		buf_setf(why,
		    "state '%s' is of a version this program does not know; "
		    "choose another folder with --state",
		    s->path);
		return PROG_DATA;
	case MDB_MAP_FULL:
		if (!is_full(s))
			return state_explain(s, MDB_CORRUPTED, why);
		buf_setf(why,
		    "state '%s' is full: it has reached %zu MiB; raise "
		    "[aggregator] state_limit, or lower the window",
		    s->path, s->limit >> 20);
		return PROG_IO;
	case EIO: /* LMDB's word for a write that came out short */
		return state_explain(s, ENOSPC, why);
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		buf_setf(why,
		    "cannot write state '%s': %s; make room, and the next "
		    "run goes on",
		    s->path, log_errno(rc));
		return PROG_IO;
	default:
		buf_setf(why, "cannot use state '%s': %s; check its folder",
		    s->path, rc > 0 ? log_errno(rc) : mdb_strerror(rc));
		return rc > 0 ? PROG_CANTCREATE : PROG_IO;
	}
}

/* LMDB would be killed for touching a page behind the end of the file. */
static int
check_length(struct state *s)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	int rc = mdb_env_info(s->env, &info);

	if (rc == 0)
		rc = mdb_env_stat(s->env, &stat);
	if (rc == 0 && lstat(s->path, &st) != 0)
		rc = errno;
	if (rc == 0 && st.st_size > 0 && info.me_last_pgno > 1 &&
	    (uint64_t)st.st_size / stat.ms_psize <= info.me_last_pgno)
		rc = MDB_CORRUPTED;
	return rc;
}

/* A list is a count and that many page numbers, in falling order. */
static bool
is_free_list(const MDB_val *key, const MDB_val *data, size_t last_page)
{
	size_t n, i, page;

	if (key->mv_size != sizeof n || data->mv_size < sizeof n)
		return false;
	memcpy(&n, data->mv_data, sizeof n);
	if (n == 0 || n >= data->mv_size / sizeof n)
		return false;
	for (i = 1; i <= n; i++) {
		memcpy(&page, (const char *)data->mv_data + i * sizeof page,
		    sizeof page);
		if (page < 2 || page > last_page)
			return false;
	}
	return true;
}

static int
check_free_pages(struct state *s)
{
	enum { FREE_DBI = 0 };
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val key, data;
	MDB_envinfo info;
	int rc = mdb_env_info(s->env, &info);

	if (rc == 0)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, FREE_DBI, &c);
	if (rc == 0) {
		while ((rc = mdb_cursor_get(c, &key, &data, MDB_NEXT)) == 0)
			if (!is_free_list(&key, &data, info.me_last_pgno)) {
				rc = MDB_CORRUPTED;
				break;
			}
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
open_env(struct state *s)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NORDAHEAD | MDB_NOLOCK;
	int rc = mdb_env_create(&s->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, STATE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, s->limit);
	if (rc != 0)
		return rc;
	prepare_guard(s);
	state_guard(s, true);
	/* The lock that is held already is instead of LMDB's own. */
	rc = mdb_env_open(s->env, s->path, flags, 0600);
	if (rc == 0)
		rc = check_length(s);
	if (rc == 0)
		rc = check_free_pages(s);
	state_guard(s, false);
	return rc;
}

struct state_table *
state_table(struct state *s, const char *name, enum state_keys keys)
{
	unsigned flags =
	    MDB_CREATE | (keys == STATE_NUMBERS ? MDB_INTEGERKEY : 0);
	struct state_table *t;
	MDB_dbi dbi = 0;
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
	state_guard(s, false);
	if (rc != 0) {
		if (s->rc == 0)
			s->rc = rc;
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->state = s;
	t->name = xstrdup(name);
	t->dbi = dbi;
	t->keys = keys;
	s->tables[s->tables_n++] = t;
	return t;
}

static bool
get_text(struct state *s, const char *key, const char **text, size_t *len)
{
	const void *data;

	if (!state_get(s->meta, key, strlen(key), &data, len))
		return false;
	*text = data;
	return true;
}

static void
put_text(struct state *s, const char *key, const char *text)
{
	state_put(s->meta, key, strlen(key), text, strlen(text));
}

/* A new file: what it is for. */
static enum exit_code
found(struct state *s, const struct state_identity *id, struct buf *why)
{
	enum exit_code code;

	if (getentropy(s->seed, sizeof s->seed) != 0) {
		buf_setf(why, "cannot draw random bits: %s", log_errno(errno));
		return PROG_TEMPFAIL;
	}
	put_text(s, "format", FORMAT);
	put_text(s, "definition", id->definition);
	state_set_number(s, "window", id->window_ms);
	if (id->part != NULL && id->part[0] != '\0')
		put_text(s, "part", id->part);
	state_put(s->meta, "seed", 4, s->seed, sizeof s->seed);
	code = state_commit(s, why);
	if (code == PROG_OK && file_sync_folder_of(s->path) == -1) {
		buf_setf(why, "cannot write the folder of '%s': %s", s->path,
		    log_errno(errno));
		code = PROG_IO;
	}
	return code;
}

/* Chats of another part, or of another generation, do not belong here. */
static enum exit_code
check_part(struct state *s, const char *want, struct buf *why)
{
	const char *text = "";
	size_t len = 0;

	if (want == NULL)
		return PROG_OK;
	if (!get_text(s, "part", &text, &len))
		len = 0;
	if (s->rc != 0)
		return state_explain(s, MDB_CORRUPTED, why);
	if (len == strlen(want) && memcmp(text, want, len) == 0)
		return PROG_OK;
	buf_setf(why,
	    "state '%s' is that of %s%.*s, not of %s%s; choose another folder "
	    "with --state",
	    s->path, len > 0 ? "part " : "one aggregator alone", (int)len, text,
	    want[0] != '\0' ? "part " : "one alone", want);
	return PROG_CONFIG;
}

static enum exit_code
check_settings(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const char *text = NULL;
	size_t len = 0;
	int64_t window;

	if (!get_text(s, "definition", &text, &len) || s->rc != 0)
		return state_explain(s, MDB_CORRUPTED, why);
	if (len != strlen(id->definition) ||
	    memcmp(text, id->definition, len) != 0) {
		buf_setf(why,
		    "state '%s' was made with --definition %.*s; give that, "
		    "or choose another folder with --state",
		    s->path, (int)len, text);
		return PROG_CONFIG;
	}
	window = state_number(s, "window", -1);
	if (window != id->window_ms) {
		buf_setf(why,
		    "state '%s' was made with --window %llds; give that, or "
		    "choose another folder with --state",
		    s->path, (long long)(window / 1000));
		return PROG_CONFIG;
	}
	return check_part(s, id->part, why);
}

static enum exit_code
check_identity(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const void *data = NULL;
	const char *text = NULL;
	size_t len = 0;

	s->meta = state_table(s, "meta", STATE_BYTES);
	if (s->meta == NULL)
		return state_explain(s, s->rc, why);
	if (!get_text(s, "format", &text, &len)) {
		if (s->rc != 0)
			return state_explain(s, s->rc, why);
		return state_count(s->meta) == 0
			   ? found(s, id, why)
			   : state_explain(s, MDB_VERSION_MISMATCH, why);
	}
	if (len != strlen(FORMAT) || memcmp(text, FORMAT, len) != 0)
		return state_explain(s, MDB_VERSION_MISMATCH, why);
	if (!state_get(s->meta, "seed", 4, &data, &len) ||
	    len != sizeof s->seed)
		return state_explain(s, MDB_CORRUPTED, why);
	memcpy(s->seed, data, sizeof s->seed);
	return check_settings(s, id, why);
}

static enum exit_code
take_lock(struct state *s, const char *dir, struct buf *why)
{
	char *name;
	int err;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		buf_setf(why,
		    "cannot use '%s' as a folder: %s; choose another with "
		    "--state",
		    dir, log_errno(errno));
		return PROG_CANTCREATE;
	}
	name = xasprintf("%s/stream.lock", dir);
	s->lock = lock_take(name, why);
	err = errno;
	free(name);
	if (s->lock >= 0)
		return PROG_OK;
	buf_adds(why, "; choose another folder with --state");
	return err == EWOULDBLOCK ? PROG_TEMPFAIL : PROG_CANTCREATE;
}

struct state *
state_open(const char *dir, const struct state_identity *id, size_t limit,
    enum exit_code *code, struct buf *why)
{
	struct state *s = xcalloc(1, sizeof *s);
	int rc;

	s->lock = -1;
	s->limit = limit;
	s->path = xasprintf("%s/stream.mdb", dir);
	*code = take_lock(s, dir, why);
	if (*code == PROG_OK) {
		rc = open_env(s);
		*code = rc == 0 ? check_identity(s, id, why)
				: state_explain(s, rc, why);
	}
	if (*code == PROG_OK)
		return s;
	state_close(s);
	return NULL;
}

void
state_close(struct state *s)
{
	size_t i;

	if (s == NULL)
		return;
	if (s->writer != NULL)
		mdb_txn_abort(s->writer);
	if (s->reader != NULL)
		mdb_txn_abort(s->reader);
	if (s->env != NULL)
		mdb_env_close(s->env);
	lock_release(s->lock);
	for (i = 0; i < s->tables_n; i++) {
		free(s->tables[i]->name);
		free(s->tables[i]);
	}
	free(s->path);
	free(s);
}
