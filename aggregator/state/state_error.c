/*
 * state_error: explains an error of a state, or a crash inside LMDB caused by a
 * damaged file, in one line that also says what to do.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/os/lmdb_file.h"

#define DAMAGED                                                                \
	"state '%s' is damaged: %s; restore a copy of the whole folder, or "   \
	"remove the file and replay the records within the window"

/* Reports a crash inside LMDB. */
static char crash_text[1024];

void
state_fail(struct state *s, int rc)
{
	if (s->rc == 0)
		s->rc = rc;
}

void
state_fail_damaged(struct state *s, const char *fmt, ...)
{
	va_list ap;

	if (s->rc != 0)
		return;
	s->rc = MDB_CORRUPTED;
	va_start(ap, fmt);
	(void)vsnprintf(s->reason, sizeof s->reason, fmt, ap);
	va_end(ap);
}

void
state_set_damaged(struct state *s)
{
	state_fail_damaged(s, "its entries contradict each other");
}

bool
state_failed(const struct state *s)
{
	return s->rc != 0;
}

static enum exit_code
explain_full(const struct state *s, struct buf *why)
{
	if (s->map < s->limit) {
		buf_setf(why,
		    "state '%s' needs more than its %zu MiB of address space; "
		    "raise the limit (ulimit -v)",
		    s->path, s->map >> 20);
		return PROG_TEMPFAIL;
	}
	buf_setf(why,
	    "state '%s' is full at %zu MiB; raise [aggregator] state_limit, or "
	    "lower the window",
	    s->path, s->limit >> 20);
	return PROG_IO;
}

static enum exit_code
explain_errno(const struct state *s, struct buf *why)
{
	errno = syserr_written(s->rc, s->dir);
	if (s->rc != ENOMEM || s->env == NULL)
		return syserr_explain(
		    why, PROG_CANTCREATE, "cannot use state '%s'", s->path);
	buf_setf(why,
	    "cannot map state '%s': %s; it needs %zu MiB of address space; "
	    "raise the limit (ulimit -v)",
	    s->path, log_errno(s->rc), s->map >> 20);
	return PROG_TEMPFAIL;
}

enum exit_code
state_explain(const struct state *s, struct buf *why)
{
	if (s->rc > 0)
		return explain_errno(s, why);
	if (s->rc == MDB_MAP_FULL)
		return explain_full(s, why);
	if (s->rc == MDB_VERSION_MISMATCH || s->rc == MDB_INCOMPATIBLE)
		buf_setf(why,
		    "state '%s' was written by another version; choose another "
		    "folder with --state",
		    s->path);
	else
		buf_setf(why, DAMAGED, s->path,
		    s->reason[0] != '\0' ? s->reason : mdb_strerror(s->rc));
	return PROG_DATA;
}

void
state_guard(bool on)
{
	if (on)
		lmdb_guard_begin(crash_text, PROG_DATA);
	else
		lmdb_guard_end();
}

void
state_prepare_guard(const struct state *s)
{
	(void)snprintf(crash_text, sizeof crash_text, DAMAGED, s->path,
	    "it is truncated, or has wrong pages");
	lmdb_guard_env(s->env);
}
