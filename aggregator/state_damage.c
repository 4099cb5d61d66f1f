/*
 * state_damage: what is wrong with a state, found and said.
 *
 * LMDB trusts its file. So before it is used, it must be as long as it says,
 * but for pages that are free, and its lists of free pages must name pages
 * that there are: LMDB would write through a bad one.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "aggregator/state_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"

#define DAMAGED                                                                \
	"state '%s' is damaged; put a copy of the folder back, or remove "     \
	"stream.mdb and stream.log and replay what is within the window"

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

void
state_prepare_guard(const struct state *s)
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

/* The same for what is wrong with the log. */
enum exit_code
state_explain_log(
    const struct state *s, enum state_log_result r, struct buf *why)
{
	switch (r) {
	case STATE_LOG_NONE:
		buf_setf(why,
		    "state '%s' is missing, which has what was committed last; "
		    "put it back, or remove stream.mdb as well and replay what "
		    "is within the window",
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_FOREIGN:
		buf_setf(why,
		    "state '%s' does not belong to the stream.mdb beside it; "
		    "put back the two that belong together, or remove both "
		    "and replay what is within the window",
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_VERSION:
		buf_setf(why,
		    "state '%s' is of a version this program does not know; "
		    "choose another folder with --state",
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_FAILED:
		buf_setf(why, "cannot use state '%s': %s; check its folder",
		    s->log.path, log_errno(errno));
		return PROG_CANTCREATE;
	case STATE_LOG_DAMAGED:
	case STATE_LOG_OK:
		break;
	}
	buf_setf(why, DAMAGED, s->log.path);
	return PROG_DATA;
}

/* What the lists of free pages are looked at for. */
struct free_pages {
	size_t last;   /* page that there is, as the file says */
	size_t behind; /* its end: the first page that it has no room for */
	size_t n;      /* free ones from there on */
};

/* A list is a count and that many page numbers, in falling order. LMDB may
 * leave one empty. */
static bool
is_free_list(struct free_pages *f, const MDB_val *key, const MDB_val *data)
{
	size_t n, i, page;

	if (key->mv_size != sizeof n || data->mv_size < sizeof n)
		return false;
	memcpy(&n, data->mv_data, sizeof n);
	if (n >= data->mv_size / sizeof n)
		return false;
	for (i = 1; i <= n; i++) {
		memcpy(&page, (const char *)data->mv_data + i * sizeof page,
		    sizeof page);
		if (page < 2 || page > f->last)
			return false;
		f->n += page >= f->behind;
	}
	return true;
}

static int
check_lists(struct state *s, struct free_pages *f)
{
	enum { FREE_DBI = 0 };
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val key, data;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, FREE_DBI, &c);
	if (rc == 0) {
		while ((rc = mdb_cursor_get(c, &key, &data, MDB_NEXT)) == 0)
			if (!is_free_list(f, &key, &data)) {
				rc = MDB_CORRUPTED;
				break;
			}
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* LMDB would be killed for touching a page behind the end of the file. What
 * it took and gave back within one transaction it never wrote: so pages may
 * be missing there, but free ones only. */
int
state_check_pages(struct state *s, const char *path)
{
	struct free_pages f = { 0 };
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	int rc = mdb_env_info(s->env, &info);

	if (rc == 0)
		rc = mdb_env_stat(s->env, &stat);
	if (rc == 0 && lstat(path, &st) != 0)
		rc = errno;
	if (rc != 0)
		return rc;
	f.last = info.me_last_pgno;
	f.behind = (size_t)st.st_size / stat.ms_psize;
	rc = check_lists(s, &f);
	if (rc == 0 && f.last > 1 && f.behind <= f.last &&
	    f.n < f.last + 1 - f.behind)
		rc = MDB_CORRUPTED;
	return rc;
}
