/*
 * profile_jq: libjq, which no other file uses. Makes the jq program of a
 * profile (prelude.jq, then the profile, then the code that calls the function
 * named in the input), runs it, and converts values between jansson and libjq.
 *
 * libjq reads the environment through the global environ, which therefore
 * points to an empty one during compilation; in a running program, the prelude
 * hides it.
 */
#define _GNU_SOURCE /* environ, gettid, SIGEV_THREAD_ID */
#include <errno.h>
#include <jq.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/os/file.h"
#include "poller/crm/filter.h"
#include "poller/crm/profile_impl.h"
#include "poller/crm/profile_try.h"

/* ---- values ---- */

/* libjq rounds greater integers. */
#define EXACT_MAX (INT64_C(1) << 53)

static jv
from_integer(json_int_t n)
{
	if (n > EXACT_MAX || n < -EXACT_MAX)
		return jv_string_fmt("%" JSON_INTEGER_FORMAT, n);
	return jv_number((double)n);
}

/* NULL becomes null. The recursion is bounded: jansson reads at most 2048
 * levels. */
static jv
from_json(json_t *j)
{
	const char *key;
	json_t *member;
	size_t i;
	jv v;

	if (j == NULL)
		return jv_null();
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		v = jv_object();
		json_object_foreach (j, key, member)
			v = jv_object_set(v, jv_string(key), from_json(member));
		return v;
	case JSON_ARRAY:
		v = jv_array_sized((int)json_array_size(j));
		json_array_foreach (j, i, member)
			v = jv_array_append(v, from_json(member));
		return v;
	case JSON_STRING:
		return jv_string_sized(
		    json_string_value(j), (int)json_string_length(j));
	case JSON_INTEGER:
		return from_integer(json_integer_value(j));
	case JSON_REAL:
		return jv_number(json_real_value(j));
	case JSON_TRUE:
		return jv_true();
	case JSON_FALSE:
		return jv_false();
	case JSON_NULL:
		break;
	}
	return jv_null();
}

static json_t *
to_number(double n)
{
	if (n >= -EXACT_MAX && n <= EXACT_MAX && n == (double)(int64_t)n)
		return json_integer((json_int_t)n);
	return isfinite(n) ? json_real(n) : json_null();
}

/* Takes v. */
static json_t *
to_json(jv v)
{
	json_t *j = NULL;
	int i, n;

	switch (jv_get_kind(v)) {
	case JV_KIND_OBJECT:
		j = json_object();
		jv_object_foreach(v, key, member)
		{
			(void)json_object_set_new_nocheck(
			    j, jv_string_value(key), to_json(member));
			jv_free(key);
		}
		break;
	case JV_KIND_ARRAY:
		j = json_array();
		n = jv_array_length(jv_copy(v));
		for (i = 0; i < n; i++)
			(void)json_array_append_new(
			    j, to_json(jv_array_get(jv_copy(v), i)));
		break;
	case JV_KIND_STRING:
		j = json_stringn_nocheck(jv_string_value(v),
		    (size_t)jv_string_length_bytes(jv_copy(v)));
		break;
	case JV_KIND_NUMBER:
		j = to_number(jv_number_value(v));
		break;
	case JV_KIND_TRUE:
		j = json_true();
		break;
	case JV_KIND_FALSE:
		j = json_false();
		break;
	case JV_KIND_NULL:
	case JV_KIND_INVALID:
		j = json_null();
		break;
	}
	jv_free(v);
	return j;
}

/* jansson would write 0.1 as 0.10000000000000001. */
void
value_dump(json_t *v, struct buf *out)
{
	jv text = jv_dump_string(from_json(v), 0);

	buf_add(out, jv_string_value(text),
	    (size_t)jv_string_length_bytes(jv_copy(text)));
	jv_free(text);
}

/* ---- the text of a profile ---- */

struct profile_file {
	struct buf prelude, text;
};

#define PRELUDE "prelude.jq"
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

static int
read_profile_file(const char *path, struct buf *b, struct buf *why)
{
	size_t mark;
	int rc;

	b->max = FILE_MAX_BYTES;
	rc = file_read_path(path, b);
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

/* The poller calls functions by these names, so a misspelled one would be
 * missing. Returns 0, or -1 and *why. */
static int
check_functions(const char *name, const char *text, struct buf *why)
{
	const char *line = text;
	char *function;
	unsigned n = 1;
	int rc = 0;

	for (; rc == 0 && line != NULL; line = strchr(line, '\n'), n++) {
		line += *line == '\n';
		if (strncmp(line, "def ", 4) != 0)
			continue;
		function = xstrndup(line + 4, strcspn(line + 4, "(: \r\n"));
		if ((text_ends_with(function, "_request") ||
			text_ends_with(function, "_read")) &&
		    !profile_try_knows(function)) {
			buf_setf(why,
			    "profile '%s', line %u: the poller never calls "
			    "'%s'; check its name, see messaging-profile(5)",
			    name, n, function);
			rc = -1;
		}
		free(function);
	}
	return rc;
}

/* Reads a path if name has a slash, otherwise NAME.jq next to the prelude.
 * Returns 0; or -1 and *why. Release it in either case. */
static int
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
		buf_setf(why,
		    "unknown profile '%s'; see messaging-crms(7), or give a "
		    "path",
		    name);
		rc = -1;
	} else if (read_profile_file(path, &f->text, why) != 0 ||
		   check_functions(name, buf_str(&f->text), why) != 0 ||
		   read_profile_file(prelude, &f->prelude, why) != 0) {
		rc = -1;
	}
	free(path);
	free(prelude);
	free(dir);
	return rc;
}

static void
profile_file_release(struct profile_file *f)
{
	buf_release(&f->prelude);
	buf_release(&f->text);
}

/* ---- the program ---- */

extern char **environ;

/* Static, because another thread may read it while environ is restored. */
static char *no_environ[] = { NULL };

static bool
is_wanted(const char *only, const char *call)
{
	size_t len = strlen(call);

	return only == NULL ||
	       (strncmp(only, call, len) == 0 && only[len] == '_');
}

/* Calls the function that the input names. jq drops what no branch calls before
 * it does most of its work. */
static void
add_main(struct buf *program, const char *only)
{
	const char *name;
	size_t i;

	/* about initialises jq's regular expressions before there are
	 * threads. */
	buf_adds(program,
	    "def jq_read(f): (failure // http_failure) as $e"
	    " | .call as $call | if $e == null then f else $e end"
	    " | jq_given($call);"
	    "jq_call(.call as $c | if $c == \"about\" then"
	    " ((\"\" | test(\"\")) as $ready | about | jq_checked_about)");
	if (is_wanted(only, "hook"))
		buf_adds(program, " elif $c == \"hook_read\" then hook_read");
	for (i = 0; i < PROFILE_CALLS; i++) {
		name = profile_call_names[i];
		if (!is_wanted(only, name))
			continue;
		buf_addf(program,
		    " elif $c == \"%s_request\" then %s_request | jq_http"
		    " elif $c == \"%s_read\" then jq_read(%s_read)",
		    name, name, name, name);
	}
	buf_adds(program, " else null end)");
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

/* Corrects "jq: error: REASON (Unix shell quoting issues?) at <top-level>, line
 * N:", where lines count from the first line of the prelude. what: "profile
 * 'NAME'". */
static void
correct_line(const char *what, unsigned prelude_lines, const struct buf *error,
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
	buf_setf(why, "%s", what);
	if (line != NULL)
		buf_addf(why, ", line %ld",
		    strtol(line + 7, NULL, 10) - (long)prelude_lines);
	buf_addf(why, ": %.*s", (int)(end - text), text);
}

/* What surrounds the text of a file. */
struct program_frame {
	const char *what; /* see correct_line() */
	const char *before;
	void (*after)(struct buf *program, const char *only);
	const char *only; /* of profile_options */
};

/* jq keeps writing its first error into *error. */
static int
compile(jq_state *jq, const struct program_frame *frame,
    const struct profile_file *f, struct buf *error, struct buf *why)
{
	char **saved = environ;
	struct buf program = BUF_INIT;
	unsigned prelude_lines = 0;
	const char *c;
	int ok;

	buf_adds(&program, buf_str(&f->prelude));
	buf_addf(&program, "\n%s", frame->before);
	for (c = buf_str(&program); *c != '\0'; c++)
		prelude_lines += *c == '\n';
	buf_adds(&program, buf_str(&f->text));
	buf_addc(&program, '\n');
	frame->after(&program, frame->only);

	jq_set_error_cb(jq, remember_error, error);
	environ = no_environ;
	ok = jq_compile(jq, buf_str(&program));
	environ = saved;
	buf_release(&program);
	if (!ok)
		correct_line(frame->what, prelude_lines, error, why);
	return ok ? 0 : -1;
}

/* ---- limit of processor time ---- */

/* A call of libjq that takes too long is halted by a timer on the calling
 * thread's processor time, which neither other threads nor a busy machine
 * affect. Each thread that runs profiles keeps such a timer until the process
 * ends. */

#ifndef sigev_notify_thread_id /* glibc in Debian 12 has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local jq_state *volatile running;
static _Thread_local timer_t timer;
static _Thread_local bool has_timer;

static void
halt_running(int sig)
{
	(void)sig;
	if (running != NULL)
		jq_halt(running, jv_null(), jv_null());
}

/* Sends the signal to the calling thread, in which all other signals may be
 * blocked. */
static int
make_timer(void)
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
	has_timer = sigaction(SIGVTALRM, &act, NULL) == 0 &&
		    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
	return has_timer ? 0 : -1;
}

static void
set_timer(int64_t ms)
{
	struct itimerspec t = { .it_value = { (time_t)(ms / 1000),
				    (long)(ms % 1000) * 1000000L } };

	(void)timer_settime(timer, 0, &t, NULL);
}

/* ---- opening and running ---- */

/* Its text and libjq's, which is most of the work, are shared by all tenants
 * with the same profile. */
struct program {
	jq_state *jq;
	uint64_t version; /* of its text */
	struct buf error; /* the first error from libjq */
	unsigned refs;
	struct program *next;
};

/* Programs that may be shared. */
static struct program *shared;

struct program_input {
	jv members;
};

struct program_input *
program_input_new(json_t *members)
{
	struct program_input *in = xmalloc(sizeof *in);

	in->members = from_json(members);
	json_decref(members);
	return in;
}

void
program_input_free(struct program_input *in)
{
	if (in == NULL)
		return;
	jv_free(in->members);
	free(in);
}

void
program_close(struct program *g)
{
	struct program **at = &shared;

	if (g == NULL || --g->refs > 0)
		return;
	while (*at != NULL && *at != g)
		at = &(*at)->next;
	if (*at == g)
		*at = g->next;
	if (g->jq != NULL)
		jq_teardown(&g->jq);
	buf_release(&g->error);
	free(g);
}

/* Compiles the profile, unless it has been compiled for another tenant. */
static struct program *
get_program(const char *name, const struct profile_file *f,
    const struct profile_options *opt, struct buf *why)
{
	uint64_t version =
	    checksum(checksum(0, f->prelude.data, f->prelude.len), f->text.data,
		f->text.len);
	struct program *g = opt->shared ? shared : NULL;
	char *what;
	int rc;

	while (g != NULL && g->version != version)
		g = g->next;
	if (g != NULL) {
		g->refs++;
		return g;
	}
	g = xcalloc(1, sizeof *g);
	g->refs = 1;
	g->version = version;
	g->jq = jq_init();
	what = xasprintf("profile '%s'", name);
	rc = g->jq == NULL
		 ? -1
		 : compile(g->jq,
		       &(struct program_frame){ what, "", add_main, opt->only },
		       f, &g->error, why);
	free(what);
	if (rc != 0) {
		program_close(g);
		return NULL;
	}
	if (opt->shared) {
		g->next = shared;
		shared = g;
	}
	return g;
}

struct program *
program_open(
    const char *name, const struct profile_options *opt, struct buf *why)
{
	struct profile_file f;
	struct program *g = NULL;

	if (profile_file_read(&f, name, why) == 0)
		g = get_program(name, &f, opt, why);
	profile_file_release(&f);
	return g;
}

uint64_t
program_version(const struct program *g)
{
	return g->version;
}

/* Explains why there is no result, and frees it. */
static void
explain_no_result(jv result, bool halted, int64_t limit_ms, struct buf *why)
{
	jv message = jv_invalid_get_msg(result);

	if (halted)
		buf_setf(
		    why, "it takes longer than %d s", (int)(limit_ms / 1000));
	else if (jv_get_kind(message) == JV_KIND_STRING)
		buf_setf(why, "%s", jv_string_value(message));
	else
		buf_setf(why, "it returns no result");
	jv_free(message);
}

json_t *
program_run(struct program *g, const struct program_input *always,
    json_t *input, int64_t limit_ms, struct buf *why)
{
	jv in = jv_object_merge(jv_copy(always->members), from_json(input));
	jv result;
	bool halted;

	json_decref(input);
	if (!has_timer && make_timer() != 0) {
		buf_setf(why,
		    "cannot create a timer: %s; raise the limit of pending "
		    "signals (LimitSIGPENDING, ulimit -i)",
		    log_errno(errno));
		jv_free(in);
		return NULL;
	}
	running = g->jq;
	set_timer(limit_ms);
	jq_start(g->jq, in, 0);
	result = jq_next(g->jq);
	set_timer(0);
	running = NULL;
	halted = jq_halted(g->jq);
	/* Frees the input and all values of this call. */
	jq_start(g->jq, jv_null(), 0);
	if (jv_is_valid(result))
		return to_json(result);
	explain_no_result(result, halted, limit_ms, why);
	return NULL;
}

/* ---- filters ---- */

#define LIMIT_MS 1000

struct filter {
	struct program program;
	struct program_input *nothing;
};

static void
end_filter(struct buf *program, const char *only)
{
	(void)only;
	buf_adds(program, ";\njq_call(filter)");
}

static int
read_filter_file(struct profile_file *f, const char *name, struct buf *why)
{
	char *prelude_dir = prog_data("profiles", "poller/profiles");
	char *dir = prog_data("formats", "poller/formats");
	char *prelude = xasprintf("%s/%s", prelude_dir, PRELUDE);
	char *path = strchr(name, '/') != NULL
			 ? xstrdup(name)
			 : xasprintf("%s/%s.jq", dir, name);
	int rc = -1;

	if (strchr(name, '/') == NULL && access(path, F_OK) != 0)
		buf_setf(why,
		    "unknown format '%s'; use one in %s, or give a path", name,
		    dir);
	else if (read_profile_file(path, &f->text, why) == 0)
		rc = read_profile_file(prelude, &f->prelude, why);
	free(path);
	free(prelude);
	free(dir);
	free(prelude_dir);
	return rc;
}

struct filter *
filter_open(const char *name, struct buf *why)
{
	struct profile_file file = { BUF_INIT, BUF_INIT };
	char *what = xasprintf("format '%s'", name);
	const struct program_frame frame = { what, "def filter:\n", end_filter,
		NULL };
	struct filter *f = xcalloc(1, sizeof *f);

	f->program.refs = 1;
	f->program.jq = jq_init();
	f->nothing = program_input_new(json_object());
	if (f->program.jq == NULL || read_filter_file(&file, name, why) != 0 ||
	    compile(f->program.jq, &frame, &file, &f->program.error, why) !=
		0) {
		filter_close(f);
		f = NULL;
	}
	profile_file_release(&file);
	free(what);
	return f;
}

void
filter_close(struct filter *f)
{
	if (f == NULL)
		return;
	if (f->program.jq != NULL)
		jq_teardown(&f->program.jq);
	buf_release(&f->program.error);
	program_input_free(f->nothing);
	free(f);
}

int
filter_run(struct filter *f, const char *object, struct filter_result *out,
    struct buf *why)
{
	json_t *in = json_loads(object, 0, NULL), *result = NULL;

	buf_clear(&out->text);
	if (in != NULL)
		result =
		    program_run(&f->program, f->nothing, in, LIMIT_MS, why);
	if (result == NULL)
		return -1;
	out->is_json = !json_is_string(result);
	if (out->is_json)
		value_dump(result, &out->text);
	else
		buf_add(&out->text, json_string_value(result),
		    json_string_length(result));
	json_decref(result);
	return 0;
}
