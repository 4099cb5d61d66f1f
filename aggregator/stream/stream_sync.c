/*
 * stream_sync: the start of a run with keep_state = database, which makes the
 * state equal to what the database has of it. The stream is already the only
 * reader of its input: so nobody writes meanwhile, except an aggregator that
 * does not know yet that it is no longer in charge, whose flush then makes our
 * first one be refused.
 *
 *   lines of the last run   are sent again, unchanged. If they are refused, the
 *                           state of their tenants is loaded
 *   sink --state            reads which flush of each tenant the state has, and
 *                           prints what it lacks
 *   a tenant's state        is applied in several commits. Until the last one,
 *                           its head says that it must be loaded as a whole
 *
 * A database that is older than the state was restored from a backup: neither
 * of them may win without being asked. --rewrite lets the state win, also
 * against one of another configuration, which cannot be loaded.
 */
#include "aggregator/stream/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/json/json_text.h"
#include "common/json/jsonw.h"
#include "common/os/lines.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

/* A part of a delta in base64, and the words around it. */
#define MAX_LINE ((size_t)1 << 20)
#ifdef FAULTS /* the states of tests are small */
#define COMMIT_BYTES ((size_t)1)
#else
#define COMMIT_BYTES ((size_t)4 << 20)
#endif

#define RETRY_BASE_MS 500
#define RETRY_CAP_MS 30000
#define READ_MS 500
/* A smaller difference between the clocks of two machines is not reported. */
#define CLOCKS_DIFFER_MS 10000

struct sync {
	struct stream *stream;
	struct buf *why;
	struct flat flat;
	struct delta_reader reader;
	struct buf data;
	struct stream_tenant *tenant; /* whose state is being read, or NULL */
	struct stream_head head;      /* what it will then have */
	int64_t version;              /* of the delta that is being read */
	size_t bytes;                 /* since the last commit */
	bool ended;                   /* the line `end` has come */
	bool silent;                  /* the child printed nothing for long */
	bool compared;                /* the clocks */
	bool skips;                   /* a state that --rewrite replaces */
	enum exit_code code;          /* of the first error */
};

/* ---- the lines of the last run ---- */

static enum exit_code
send_last_lines(struct stream *s)
{
	enum outcome o;

	if (!stream_has_lines(s))
		return PROG_OK;
	o = stream_write_lines(s);
	while (o == OUTCOME_DONE &&
	       (o = stream_confirm(s, true)) == OUTCOME_LATER &&
	       !s->job->until_empty && !stop_asked()) {
		endpoint_pump(s->in);
		o = OUTCOME_DONE;
	}
	if (s->log.refused) {
		s->log.refused = s->failed = false;
		stream_log_discard(s);
		s->step = FLUSH_CONFIRMED;
		return PROG_OK;
	}
	if (o == OUTCOME_LATER && s->job->until_empty) {
		log_error("no sink has stored the rows of the last run in "
			  "'%s'; is one running?",
		    endpoint_name(s->out));
		return PROG_TEMPFAIL;
	}
	return o == OUTCOME_NEVER ? s->stage.code : PROG_OK;
}

/* ---- what the state has ---- */

static bool
has_entry(struct stream_tenant *t)
{
	struct key k = stream_tenant_key(t);
	const void *data;
	size_t len;

	return lmdb_get(t->stream->tables.tenants, k.bytes, k.len, &data, &len);
}

/* A tenant that no flush of keep_state = database had yet counts as newer than
 * everything that was committed before. */
static int
list_heads(struct stream *s, FILE *to)
{
	struct buf line = BUF_INIT;
	struct stream_tenant *t;
	struct stream_head h;
	char writer[17];
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		h = t->head;
		if (h.version == 0 && !has_entry(t))
			continue;
		if (h.version == 0)
			h.version = state_number(s->state, "version", 0);
		(void)snprintf(writer, sizeof writer, "%016" PRIx64, h.writer);
		buf_clear(&line);
		jsonw_open(&line);
		jsonw_str(&line, "tenant", t->name);
		jsonw_int(&line, "version", h.version);
		jsonw_str(&line, "writer", writer);
		jsonw_line(&line);
		(void)fwrite(line.data, 1, line.len, to);
	}
	buf_release(&line);
	return fflush(to) == 0 && fseek(to, 0, SEEK_SET) == 0 ? 0 : -1;
}

/* ---- what the database has ---- */

static bool
refuse(struct sync *y, enum exit_code code)
{
	if (y->code == PROG_OK)
		y->code = code;
	return false;
}

static bool
refuse_output(struct sync *y)
{
	buf_setf(y->why, "sink --state prints lines that this version does not "
			 "understand; install the same version of both");
	return refuse(y, PROG_CONFIG);
}

static bool
commit_state(struct sync *y)
{
	enum exit_code code = state_commit(y->stream->state, y->why);

	y->bytes = 0;
	return code == PROG_OK || refuse(y, code);
}

/* The tenant's state is complete. */
static bool
end_tenant(struct sync *y)
{
	struct stream_tenant *t = y->tenant;

	if (t == NULL)
		return true;
	if (!delta_read_end(&y->reader)) {
		buf_setf(y->why,
		    "the database's state of tenant '%s' is damaged", t->name);
		return refuse(y, PROG_DATA);
	}
	t->head = y->head;
	t->loaded = true;
	stream_log_save_head(t);
	state_raise_version(y->stream->state, t->head.version);
	log_info("state_loaded", "tenant=%s version=%" PRId64, t->name,
	    t->head.version);
	y->tenant = NULL;
	if (!commit_state(y))
		return false;
	FAULT_POINT("aggregator.state_loaded");
	return true;
}

/* Versions are times. A machine whose clock is behind numbers its flushes after
 * the loaded ones, so figures stay right, but its clock counts waits. */
static void
compare_clocks(struct sync *y, int64_t version)
{
	int64_t ahead = version - clock_now_ms();

	if (ahead < CLOCKS_DIFFER_MS || y->compared)
		return;
	y->compared = true;
	log_warn("the state in the database is dated %" PRId64 " s after the "
		 "clock of this machine; synchronize the clocks of all "
		 "machines",
	    ahead / 1000);
}

/* Marks the tenant as incomplete until end_tenant(). */
static void
begin_tenant(struct sync *y, struct stream_tenant *t, struct stream_head head)
{
	y->tenant = t;
	y->head = head;
	y->version = 0;
	if (t->head.version == 0)
		t->head.version = 1;
	t->head.writer = STREAM_LOADING;
	t->before = (struct stream_head){ 0, 0 };
	stream_log_save_head(t);
	shared_restart_walk(y->stream->shared, t->number);
}

static void
remove_tenant(struct stream_tenant *t)
{
	shared_delete(t->stream->shared, t->number);
	t->head = t->before = (struct stream_head){ 0, 0 };
	stream_log_save_head(t);
}

/* The database lacks flushes that the state knows to be stored. A state that
 * was being loaded when its aggregator was killed has only a part of them. */
static bool
replace_older(struct sync *y, struct stream_tenant *t)
{
	const struct aggregator_job *job = y->stream->job;

	if (t->head.writer == STREAM_LOADING) {
		buf_setf(y->why,
		    "the database is older than this state (tenant '%s'), "
		    "which is incomplete because it was being loaded; remove "
		    "'%s/stream.mdb' to go on from what the database has",
		    t->name, job->state);
		return refuse(y, PROG_CONFIG);
	}
	t->whole = true;
	t->forced = job->rewrite;
	if (job->rewrite)
		return true;
	buf_setf(y->why,
	    "the database is older than this state (tenant '%s'); the same "
	    "command with --rewrite writes this state and all rows into the "
	    "database, or "
	    "remove '%s/stream.mdb' to go on from what the database has",
	    t->name, job->state);
	return refuse(y, PROG_CONFIG);
}

static bool
refuse_identity(struct sync *y, const char *tenant, struct text identity)
{
	buf_setf(y->why,
	    "the database's state of tenant '%s' was made with \"%.*s\", and "
	    "this is \"%s\"; use the same definition, window and version, or "
	    "publish all records again for the same command with --rewrite, "
	    "which replaces the state",
	    tenant, TEXT_ARG(identity), y->stream->log.identity);
	return refuse(y, PROG_CONFIG);
}

static struct text
field_text(const struct sync *y, const char *name)
{
	const struct flat_field *f = flat_find(&y->flat, name);
	struct text t = { "", 0 };

	if (f != NULL)
		t = (struct text){ f->val, f->val_len };
	return t;
}

static int64_t
field_number(const struct sync *y, const char *name)
{
	struct text t = field_text(y, name);
	char digits[24] = "";

	if (t.len < sizeof digits)
		memcpy(digits, t.p, t.len);
	return strtoll(digits, NULL, 10);
}

static bool
read_head(struct sync *y)
{
	struct stream *s = y->stream;
	struct text load = field_text(y, "load"),
		    identity = field_text(y, "identity"),
		    writer = field_text(y, "writer");
	struct stream_tenant *t;
	struct stream_head head = { field_number(y, "version"), 0 };
	bool newer = text_is(load, "newer"), all = text_is(load, "all");
	char hex[17] = "";

	if (!end_tenant(y))
		return false;
	y->skips = false;
	t = stream_tenant(s, field_text(y, "tenant"));
	if (writer.len < sizeof hex)
		memcpy(hex, writer.p, writer.len);
	head.writer = strtoull(hex, NULL, 16);
	compare_clocks(y, head.version);
	if ((newer || all || text_is(load, "nothing")) &&
	    !text_is(identity, s->log.identity)) {
		if (!s->job->rewrite)
			return refuse_identity(y, t->name, identity);
		state_raise_version(s->state, head.version);
		t->whole = t->forced = y->skips = true;
		return true;
	}
	if (text_is(load, "nothing"))
		return true;
	if (text_is(load, "removed")) {
		remove_tenant(t);
		return true;
	}
	if (text_is(load, "missing") && t->head.version == 0) {
		t->whole = true;
		return true;
	}
	if (text_is(load, "older") || text_is(load, "missing"))
		return replace_older(y, t);
	if (!newer && !all)
		return refuse_output(y);
	begin_tenant(y, t, head);
	if (all)
		shared_delete(s->shared, t->number);
	return true;
}

static bool
read_state(struct sync *y)
{
	struct text data = field_text(y, "data");
	int64_t version = field_number(y, "version");

	if (y->skips)
		return true;
	if (y->tenant == NULL)
		return refuse_output(y);
	if (version != y->version && !delta_read_end(&y->reader))
		return refuse_output(y);
	y->version = version;
	buf_clear(&y->data);
	if (!base64_decode(&y->data, data.p, data.len) ||
	    !shared_apply(y->stream->shared, y->tenant->number, &y->reader,
		y->data.data, y->data.len)) {
		buf_setf(y->why,
		    "the database's state of tenant '%s' is damaged at version "
		    "%" PRId64,
		    y->tenant->name, version);
		return refuse(y, PROG_DATA);
	}
	y->bytes += y->data.len;
	if (y->bytes < COMMIT_BYTES)
		return true;
	if (!commit_state(y))
		return false;
	FAULT_POINT("aggregator.state_half_loaded");
	return true;
}

static bool
read_line(struct sync *y, const char *line, size_t len)
{
	struct buf why = BUF_INIT;
	struct text type;
	bool good = flat_parse(&y->flat, line, len, &why) == 0;

	buf_release(&why);
	if (!good)
		return refuse_output(y);
	type = field_text(y, "type");
	if (text_is(type, "head"))
		return read_head(y);
	if (text_is(type, "state"))
		return read_state(y);
	if (!text_is(type, "end"))
		return refuse_output(y);
	y->ended = end_tenant(y) && commit_state(y);
	return y->ended;
}

static void
serve_links(void *ctx)
{
	struct stream *s = ctx;

	endpoint_pump(s->in);
	endpoint_pump(s->out);
	if (s->assign != NULL)
		endpoint_pump(s->assign);
}

/* ---- the child ---- */

/* url: the configuration has removed it from the environment. quietly: its
 * errors are not shown. */
static _Noreturn void
become_sink(const struct stream *s, const char *program, const char *url,
    bool quietly, int in, int out)
{
	const char *queue = endpoint_amqp_name(s->job->from);
	const char *argv[6] = { program, "--state", queue, NULL };

	if (s->job->config != NULL) {
		argv[3] = "-c";
		argv[4] = s->job->config;
	}
	if (url != NULL)
		(void)setenv("MYSQL_URL", url, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (quietly && freopen("/dev/null", "w", stderr) == NULL)
		_exit(127);
	if (dup2(in, STDIN_FILENO) != -1 && dup2(out, STDOUT_FILENO) != -1)
		(void)execvp(program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Returns the child, whose output is *from; -1 if it cannot be started. */
static pid_t
start_child(const struct stream *s, FILE *heads, bool quietly, int *from)
{
	char *program = prog_beside("sink");
	const char *url = conf_text(s->job->conf, "mysql", "url");
	int ends[2];
	pid_t child = -1;

	if (pipe(ends) == 0) {
		child = fork();
		if (child == 0)
			become_sink(
			    s, program, url, quietly, fileno(heads), ends[1]);
		(void)close(ends[1]);
		*from = ends[0];
		if (child < 0)
			(void)close(ends[0]);
	}
	free(program);
	return child;
}

/* The child only reads, so it can be killed at any time. Returns its exit
 * status. */
static int
end_child(pid_t child, int from, bool has_ended)
{
	int status = -1;

	if (!has_ended)
		(void)kill(child, SIGKILL);
	while (waitpid(child, &status, 0) == -1 && errno == EINTR)
		continue;
	(void)close(from);
	return status;
}

/* Returns how long the child may print nothing: it waits for a database as long
 * as other programs do, and then for two replies. */
static int64_t
longest_silence(const struct stream *s)
{
	const struct conf *conf = s->job->conf;

	return conf_int(conf, "mysql", "wait_timeout") +
	       2 * conf_int(conf, "mysql", "timeout");
}

/* Reads the child's output. Returns true if the child has closed it. */
static bool
read_child(struct sync *y, int from)
{
	struct stream *s = y->stream;
	int64_t served = clock_mono_ms(), heard = served, now;
	enum line_status got = LINE_WAIT;
	struct lines lines;
	bool goes_on = true;
	char *line;
	size_t len;

	lines_init(&lines, from, MAX_LINE);
	while (goes_on && !stop_asked()) {
		got = lines_next(&lines, &line, &len, READ_MS);
		goes_on =
		    got == LINE_WAIT ||
		    (got == LINE_OK && read_line(y, line, len) && !y->ended);
		now = clock_mono_ms();
		if (got != LINE_WAIT)
			heard = now;
		if (now - heard >= longest_silence(s)) {
			y->silent = true;
			break;
		}
		if (now - served >= READ_MS) {
			serve_links(s);
			served = clock_mono_ms();
		}
	}
	lines_release(&lines);
	return got == LINE_END;
}

/* Returns the child's exit status, -1 if it could not be run. */
static int
run_child(struct sync *y, FILE *heads)
{
	int from;
	pid_t child = start_child(y->stream, heads, false, &from);

	return child < 0 ? -1 : end_child(child, from, read_child(y, from));
}

/* Returns PROG_TEMPFAIL if another attempt may help. */
static enum exit_code
load_once(struct stream *s, struct buf *why)
{
	struct sync y = { .stream = s, .why = why };
	FILE *heads = tmpfile();
	int status = -1;

	if (heads == NULL || list_heads(s, heads) == -1)
		y.code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot write a temporary file");
	else
		status = run_child(&y, heads);
	if (heads != NULL)
		(void)fclose(heads);
	flat_release(&y.flat);
	buf_release(&y.data);
	buf_release(&y.reader.rest);
	if (y.code != PROG_OK || y.ended)
		return y.code;
	if (WIFEXITED(status) && WEXITSTATUS(status) == PROG_CONFIG) {
		buf_setf(why, "sink --state cannot read the database");
		return PROG_CONFIG;
	}
	buf_setf(why,
	    "sink --state %s; is the database running, and sink "
	    "installed?",
	    y.silent ? "printed nothing for too long"
		     : "did not print the whole state");
	return PROG_TEMPFAIL;
}

enum exit_code
stream_sync(struct stream *s, struct buf *why)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum exit_code code = send_last_lines(s);
	bool told = false;

	while (code == PROG_OK && !stop_asked()) {
		buf_clear(why);
		code = load_once(s, why);
		if (code == PROG_TEMPFAIL && stop_asked()) {
			code = PROG_OK;
			break;
		}
		if (code != PROG_TEMPFAIL || s->job->until_empty)
			return code;
		if (!told)
			log_warn("%s; trying again", buf_str(why));
		told = true;
		code = PROG_OK;
		if (!retry_wait(&retry, serve_links, s))
			break;
	}
	buf_clear(why);
	return code;
}

/* ---- a run until the queue is empty, in an empty folder ---- */

/* What the child prints first. */
static bool
read_first(struct stream *s, char *first, size_t size, int *status)
{
	FILE *nothing = tmpfile();
	struct lines lines;
	char *line;
	size_t len = 0;
	enum line_status got;
	int from;
	pid_t child =
	    nothing == NULL ? -1 : start_child(s, nothing, true, &from);

	if (nothing != NULL)
		(void)fclose(nothing);
	if (child < 0)
		return false;
	lines_init(&lines, from, MAX_LINE);
	got = lines_next(&lines, &line, &len, (int)longest_silence(s));
	if (got == LINE_OK)
		(void)snprintf(first, size, "%.*s", (int)len, line);
	lines_release(&lines);
	*status = end_child(child, from, got == LINE_END);
	return got == LINE_OK;
}

enum exit_code
stream_sync_find(struct stream *s, bool *found, struct buf *why)
{
	char first[32] = "";
	int status = -1;

	*found = false;
	if (read_first(s, first, sizeof first, &status)) {
		*found = strstr(first, "\"head\"") != NULL;
		return PROG_OK;
	}
	/* A database without tables, or with those of another version. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == PROG_CONFIG)
		return PROG_OK;
	buf_setf(why,
	    "cannot find out whether the database has a state of '%s'; is the "
	    "database running, and sink installed? Without its state, use "
	    "--keep-state local",
	    s->job->from);
	return PROG_TEMPFAIL;
}
