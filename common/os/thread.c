/*
 * thread: see thread.h.
 */
#define _GNU_SOURCE /* pthread_setname_np */

#include "common/os/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"

enum exit_code
thread_start(pthread_t *t, const char *name, void *(*run)(void *), void *ctx,
    struct buf *why)
{
	sigset_t every, before;
	int rc;

	(void)sigfillset(&every);
	/* A fault that the thread itself causes; lmdb_guard.c may explain
	 * it. */
	(void)sigdelset(&every, SIGBUS);
	(void)sigdelset(&every, SIGSEGV);
	(void)pthread_sigmask(SIG_SETMASK, &every, &before);
	rc = pthread_create(t, NULL, run, ctx);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		return syserr_explain(
		    why, PROG_TEMPFAIL, "cannot start a thread");
	}
	/* The thread does not set it itself, because a caller may read the name
	 * immediately. */
	(void)pthread_setname_np(*t, name);
	return PROG_OK;
}

void
thread_must_start(
    pthread_t *t, const char *name, void *(*run)(void *), void *ctx)
{
	struct buf why = BUF_INIT;
	enum exit_code code = thread_start(t, name, run, ctx, &why);
	char text[256];

	if (code == PROG_OK)
		return;
	(void)snprintf(text, sizeof text, "%s", buf_str(&why));
	buf_release(&why);
	prog_die(code, "%s", text);
}

struct timespec
thread_deadline(int64_t ms)
{
	int64_t us = clock_mono_us() + ms * 1000;

	return (struct timespec){ .tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000 };
}
