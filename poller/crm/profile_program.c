/*
 * profile_compile: makes the jq program of a profile: prelude.jq, then the
 * profile, then what calls the function that the input names. libjq
 * reads the environment through the global environ, so that points to an empty
 * one while it compiles; in a running program, the prelude hides it.
 */
#define _GNU_SOURCE /* environ, gettid, SIGEV_THREAD_ID */
#include <dirent.h>
#include <fcntl.h>
#include <jq.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"
#include "poller/crm/profile_impl.h"

extern char **environ;

/* Static, since another thread may read it while environ is restored. */
static char *no_environ[] = { NULL };

/* Calls the function that the input names. A read function gets only answers in
 * which failure finds no error. */
static void
add_main(struct buf *program)
{
	const char *name;
	size_t i;

	buf_adds(program,
	    "def read(f): failure as $e | if $e == null then f else $e end;"
	    "jq_call(.call as $c | if $c == \"hook_read\" then hook_read");
	for (i = 0; i < PROFILE_CALLS; i++) {
		name = profile_call_names[i];
		buf_addf(program,
		    " elif $c == \"%s_request\" then %s_request"
		    " elif $c == \"%s_read\" then read(%s_read)",
		    name, name, name, name);
	}
	/* jq's regular expressions are initialized before there are threads. */
	buf_adds(program, " else (\"\" | test(\"\")) as $ready"
			  " | about | jq_checked_about end)");
}

static void
remember_error(void *ctx, jv message)
{
	struct buf *error = ctx;
	jv text = jq_format_error(message);

	if (error->len == 0)
		buf_adds(error, jv_string_value(text));
	jv_free(text);
}

/* "jq: error: REASON (Unix shell quoting issues?) at <top-level>, line N:",
 * where lines count from the first one of the prelude. */
static void
correct_line(const char *name, unsigned prelude_lines, const struct buf *error,
    struct buf *why)
{
	static const char *const ends[] = { " (Unix shell", " at <", "\n" };
	const char *text = buf_str(error), *end = text + error->len;
	const char *line = strstr(text, ", line "), *at;
	size_t i;

	if (strncmp(text, "jq: error: ", 11) == 0)
		text += 11;
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		at = strstr(text, ends[i]);
		if (at != NULL && at < end)
			end = at;
	}
	buf_setf(why, "profile '%s'", name);
	if (line != NULL)
		buf_addf(why, ", line %ld",
		    strtol(line + 7, NULL, 10) - (long)prelude_lines);
	buf_addf(why, ": %.*s", (int)(end - text), text);
}

int
profile_compile(jq_state *jq, const char *name, const struct profile_file *f,
    struct buf *error, struct buf *why)
{
	char **saved = environ;
	struct buf program = BUF_INIT;
	unsigned prelude_lines = 0;
	const char *c;
	int ok;

	buf_adds(&program, buf_str(&f->prelude));
	buf_addc(&program, '\n');
	for (c = buf_str(&program); *c != '\0'; c++)
		prelude_lines += *c == '\n';
	buf_adds(&program, buf_str(&f->text));
	buf_addc(&program, '\n');
	add_main(&program);

	jq_set_error_cb(jq, remember_error, error);
	environ = no_environ;
	ok = jq_compile(jq, buf_str(&program));
	environ = saved;
	buf_release(&program);
	if (!ok)
		correct_line(name, prelude_lines, error, why);
	return ok ? 0 : -1;
}

/* ---- profile file ---- */

#define PRELUDE "prelude.jq"
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

static int
read_profile_file(const char *path, struct buf *b, struct buf *why)
{
	size_t mark;
	int rc;

	b->max = FILE_MAX_BYTES;
	rc = file_read_path(path, O_NOCTTY, b);
	mark = parse_utf8_mark(buf_str(b), b->len);
	if (rc != 0) {
		(void)syserr_explain(
		    why, PROG_CONFIG, "cannot read profile '%s'", path);
	} else if (b->len != strlen(buf_str(b)) ||
		   !parse_is_utf8(buf_str(b), b->len)) {
		buf_setf(why, "profile '%s' is not UTF-8 text", path);
		rc = -1;
	} else {
		memmove(b->data, b->data + mark, b->len - mark);
		buf_cut(b, b->len - mark);
	}
	return rc;
}

static int
is_profile(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 3 && strcmp(e->d_name + len - 3, ".jq") == 0 &&
	       strcmp(e->d_name, PRELUDE) != 0;
}

/* Lists the profiles that exist. */
static void
explain_unknown_profile(const char *name, const char *dir, struct buf *why)
{
	struct dirent **found;
	int n = scandir(dir, &found, is_profile, alphasort), i;

	buf_setf(why, "unknown profile '%s'; profiles: ", name);
	for (i = 0; i < n; i++) {
		buf_addf(why, "%s%.*s", i > 0 ? ", " : "",
		    (int)strlen(found[i]->d_name) - 3, found[i]->d_name);
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	buf_adds(why, n > 0 ? ", or give a path" : "none: give a path");
}

int
profile_file_read(struct profile_file *f, const char *name, struct buf *why)
{
	char *dir = prog_data("profiles", "poller/profiles");
	char *prelude = xasprintf("%s/%s", dir, PRELUDE);
	char *path = strchr(name, '/') != NULL
			 ? xstrdup(name)
			 : xasprintf("%s/%s.jq", dir, name);
	int rc = 0;

	*f = (struct profile_file){ BUF_INIT, BUF_INIT };
	if (strchr(name, '/') == NULL && access(path, F_OK) != 0 &&
	    access(prelude, R_OK) == 0) {
		explain_unknown_profile(name, dir, why);
		rc = -1;
	} else if (read_profile_file(path, &f->text, why) != 0 ||
		   read_profile_file(prelude, &f->prelude, why) != 0) {
		rc = -1;
	}
	free(path);
	free(prelude);
	free(dir);
	return rc;
}

void
profile_file_release(struct profile_file *f)
{
	buf_release(&f->prelude);
	buf_release(&f->text);
}

uint64_t
profile_file_version(const struct profile_file *f, const char *more)
{
	uint64_t h;

	h = checksum(0, f->prelude.data, f->prelude.len);
	h = checksum(h, f->text.data, f->text.len);
	return checksum(h, more, strlen(more));
}

/* ---- profile cpu limit ---- */

#ifndef sigev_notify_thread_id /* Debian 12's glibc has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local jq_state *volatile running;

static void
halt_running(int sig)
{
	(void)sig;
	if (running != NULL)
		jq_halt(running, jv_null(), jv_null());
}

/* The signal goes to the calling thread, in which all other signals may be
 * blocked. */
static int
make_timer(struct profile_cpu_limit *l)
{
	struct sigaction act = { .sa_handler = halt_running };
	sigset_t ours;
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGVTALRM };

	event.sigev_notify_thread_id = gettid();
	(void)sigemptyset(&act.sa_mask);
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGVTALRM);
	(void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	if (sigaction(SIGVTALRM, &act, NULL) != 0 ||
	    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &l->timer) != 0)
		return -1;
	l->thread = gettid();
	return 0;
}

static void
set_timer(struct profile_cpu_limit *l, int64_t ms)
{
	struct itimerspec t = { .it_value = { (time_t)(ms / 1000),
				    (long)(ms % 1000) * 1000000L } };

	(void)timer_settime(l->timer, 0, &t, NULL);
}

int
profile_cpu_limit_start(struct profile_cpu_limit *l, jq_state *jq, int64_t ms)
{
	if (l->thread != gettid())
		profile_cpu_limit_release(l);
	if (l->thread == 0 && make_timer(l) != 0)
		return -1;
	running = jq;
	set_timer(l, ms);
	return 0;
}

void
profile_cpu_limit_stop(struct profile_cpu_limit *l)
{
	set_timer(l, 0);
	running = NULL;
}

void
profile_cpu_limit_release(struct profile_cpu_limit *l)
{
	if (l->thread != 0)
		(void)timer_delete(l->timer);
	l->thread = 0;
}
