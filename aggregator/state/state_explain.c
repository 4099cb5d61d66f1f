/*
 * state_explain: explains an error of a state in one line, with the way out.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

#define WAY_OUT                                                                \
	"put a copy of the whole folder back, or remove all of its stream.* "  \
	"and replay what is within the window"
#define DAMAGED "state '%s' is damaged; " WAY_OUT

static char *
wrong_file_path(const struct state *s)
{
	return s->wrong_file == NULL
		   ? xstrdup(s->path)
		   : xasprintf("%s/%s", s->dir, s->wrong_file);
}

static enum exit_code
explain_full(const struct state *s, struct buf *why)
{
	if (s->map < s->limit) {
		buf_setf(why,
		    "state '%s' needs more room at once than it has of %zu "
		    "MiB of addresses; raise what limits them (ulimit -v)",
		    s->path, s->map >> 20);
		return PROG_TEMPFAIL;
	}
	buf_setf(why,
	    "state '%s' is full: it has reached %zu MiB; raise [aggregator] "
	    "state_limit, or lower the window",
	    s->path, s->limit >> 20);
	return PROG_IO;
}

static enum exit_code
explain_errno(const struct state *s, int err, struct buf *why)
{
	char *path = wrong_file_path(s);
	enum exit_code code;

	errno = syserr_written(err, s->dir);
	if (err == ENOMEM && s->env != NULL && s->wrong_file == NULL) {
		buf_setf(why,
		    "cannot map state '%s': %s; it needs %zu MiB of addresses: "
		    "raise what limits them (ulimit -v)",
		    path, log_errno(err), s->map >> 20);
		code = PROG_TEMPFAIL;
	} else {
		code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot use state '%s'", path);
	}
	free(path);
	return code;
}

enum exit_code
state_explain(const struct state *s, int rc, struct buf *why)
{
	char *path;

	if (rc > 0 && (s->wrong_file == NULL || rc != ENOENT))
		return explain_errno(s, rc, why);
	if (rc == MDB_MAP_FULL)
		return explain_full(s, why);
	path = wrong_file_path(s);
	if (rc > 0)
		buf_setf(why, "state '%s' is missing; " WAY_OUT, path);
	else if (rc == MDB_VERSION_MISMATCH || rc == MDB_INCOMPATIBLE)
		buf_setf(why,
		    "state '%s' is of a version this program does not know; "
		    "choose another folder with --state",
		    path);
	else
		buf_setf(why, DAMAGED, path);
	free(path);
	return PROG_DATA;
}

enum exit_code
state_explain_log(
    const struct state *s, enum state_log_result r, struct buf *why)
{
	switch (r) {
	case STATE_LOG_NONE:
		buf_setf(why,
		    "state '%s' is missing, which has what was committed "
		    "last; " WAY_OUT,
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_FOREIGN:
		buf_setf(why,
		    "state '%s' does not belong to the stream.mdb beside "
		    "it; " WAY_OUT,
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_SHORT:
		buf_setf(why,
		    "state '%s' is damaged: it has not all that was "
		    "acknowledged; " WAY_OUT,
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_VERSION:
		buf_setf(why,
		    "state '%s' is of a version this program does not know; "
		    "choose another folder with --state",
		    s->log.path);
		return PROG_DATA;
	case STATE_LOG_FAILED:
		return syserr_explain(
		    why, PROG_CANTCREATE, "cannot use state '%s'", s->log.path);
	case STATE_LOG_DAMAGED:
	case STATE_LOG_OK:
		break;
	}
	buf_setf(why, DAMAGED, s->log.path);
	return PROG_DATA;
}
