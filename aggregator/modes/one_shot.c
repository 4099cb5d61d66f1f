/*
 * one_shot: the aggregator as a filter, run by a person or by cron. It reads
 * all input before it writes anything or opens an output file. If a poller
 * fails halfway, the next program therefore gets no input instead of half of
 * it.
 *
 * Each line goes to its tenant: a line of a snapshot to the staging, any other
 * at once. A line belongs to the snapshot that it names, regardless of its
 * place, so lines of several tenants and of a stream may be mixed. A complete
 * snapshot corrects its tenant; an incomplete one is reported and changes
 * nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/records/scan.h"
#include "common/stage/deadletter.h"

#include "aggregator/input/staging.h"
#include "aggregator/modes/modes.h"
#include "aggregator/simulation/simulation.h"

/* A tenant with records that count. */
struct one_shot_tenant {
	struct one_shot *run;
	char *name;
	struct pipeline pipeline;
	char *snapshot; /* id of the newest complete snapshot, or NULL */
	struct buf pass_through;  /* records to pass through */
	struct replay_log replay; /* records, if allocation is selected */
};

/* A record outside snapshots that was read but not yet added. */
struct line_ahead {
	struct record record;
	const char *text;
	size_t len;
	struct one_shot_tenant *tenant;
	uint32_t hash; /* of the chat */
};

/* Lines that are read before the first of them is added, so that their chats
 * are fetched from memory meanwhile. */
#define AHEAD 32

struct one_shot {
	const struct aggregator_job *job;
	struct keyed_state_cache cache;
	struct pipeline_setup setup;
	struct future future;
	bool passes; /* selected records are passed through */

	/* The input. */
	struct staging staging;
	struct deadletter dead; /* for bad lines */
	struct scan scan;
	uint64_t lines;
	struct strmap names;          /* name -> struct one_shot_tenant */
	struct one_shot_tenant *last; /* of the last record */
	struct line_ahead ahead[AHEAD];
	uint64_t read, added; /* numbers of records that were put into `ahead`
			       * and taken out */
	bool cut;             /* the input ended inside a line */
	bool stopped;         /* stopped by a signal */
	bool bad;             /* some input was bad, which has been logged */

	/* The answer. */
	struct one_shot_tenant **tenants; /* sorted by name */
	size_t tenants_n;
	struct tenant_rows *reports;
	size_t reports_n;
	size_t undated; /* tenants without rows, whose records are passed
			 * through */
	struct simulation **simulations; /* one per tenant, if selected */
	size_t simulations_n;
	struct explain explained;
};

static void
free_tenant(void *p)
{
	struct one_shot_tenant *t = p;

	pipeline_release(&t->pipeline);
	free(t->snapshot);
	buf_release(&t->pass_through);
	replay_log_release(&t->replay);
	free(t->name);
	free(t);
}

static struct one_shot_tenant *
get_tenant(struct one_shot *b, struct text name)
{
	void **slot = strmap_put(&b->names, name.p, name.len);
	struct one_shot_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->run = b;
		t->name = text_dup(name);
		pipeline_init(&t->pipeline, &b->setup, name, 0);
		*slot = t;
	}
	return *slot;
}

/* Refuses the last line; NULL: it could not be read. Without a queue a dead
 * letter is a line on standard error, which cannot fail. */
static enum outcome
refuse(void *ctx, const char *line, size_t len, const char *why)
{
	struct one_shot *b = ctx;
	char where[32];

	(void)snprintf(where, sizeof where, "line %" PRIu64, b->lines);
	return deadletter_add(&b->dead, where, line, len, why);
}

/* Keeps the line of the record that was last added if it is to be passed
 * through. */
static void
pass_through(struct one_shot_tenant *t, const struct record *r,
    const char *line, size_t len)
{
	const struct one_shot *b = t->run;
	const struct model *m = &t->pipeline.model;

	if (!b->passes || !metric_selection_passes(&b->job->selection, r) ||
	    (r->type == RECORD_MESSAGE && m->known_at == CLOCK_NONE))
		return;
	if (!staging_restate(&t->pass_through, m, r, line, len)) {
		buf_add(&t->pass_through, line, len);
		buf_addc(&t->pass_through, '\n');
	}
}

/* Adds a record to its tenant. This and the next functions are the callbacks of
 * the staging. */
static int
add_record(void *tenant, const struct record *r, const char *line, size_t len)
{
	struct one_shot_tenant *t = tenant;

	if (t->run->job->selection.allocation)
		replay_log_add(
		    &t->replay, r, line, len, t->pipeline.model.snapshot_at);
	(void)pipeline_add(&t->pipeline, r);
	pass_through(t, r, line, len);
	return 0;
}

static void
mark_replay(struct one_shot_tenant *t, enum replay_kind what)
{
	if (t->run->job->selection.allocation)
		replay_log_mark(
		    &t->replay, what, t->pipeline.model.snapshot_at);
}

static void *
begin_snapshot(void *ctx, struct text name, int64_t at)
{
	struct one_shot_tenant *t = get_tenant(ctx, name);

	pipeline_begin_snapshot(&t->pipeline, at);
	mark_replay(t, REPLAY_SNAPSHOT_BEGIN);
	return t;
}

static void
end_snapshot(void *tenant, const char *snapshot)
{
	struct one_shot_tenant *t = tenant;

	mark_replay(t, REPLAY_SNAPSHOT_END);
	model_end_snapshot(&t->pipeline.model);
	free(t->snapshot);
	t->snapshot = xstrdup(snapshot);
}

static struct line_ahead *
ahead_of(struct one_shot *b, uint64_t n)
{
	return &b->ahead[n % AHEAD];
}

/* Prefetches a part of what the lines will touch. */
static void
prefetch_lines(
    struct one_shot *b, uint64_t from, uint64_t to, enum model_near near)
{
	const struct line_ahead *l;

	for (; from < to; from++) {
		l = ahead_of(b, from);
		if (l->record.chat.p != NULL)
			model_prefetch(
			    &l->tenant->pipeline.model, l->hash, near);
	}
}

/* Adds the oldest lines that were read ahead. */
static void
add_lines_ahead(struct one_shot *b, uint64_t to)
{
	struct line_ahead *l;

	for (; b->added < to; b->added++) {
		l = ahead_of(b, b->added);
		(void)add_record(l->tenant, &l->record, l->text, l->len);
	}
}

/* Returns the tenant of the record that was scanned last. */
static struct one_shot_tenant *
tenant_of_record(struct one_shot *b, struct text name)
{
	if (b->last == NULL || !text_is(name, b->last->name))
		b->last = get_tenant(b, name);
	return b->last;
}

/* Takes a record outside snapshots, which is added later. Half of the lines
 * ahead are added while the chats of the other half arrive from memory. */
static void
take_ahead(struct one_shot *b, struct line_ahead *l)
{
	const char *ahead = future_refuses(&b->future, &l->record);
	struct model *m;
	uint64_t half;

	if (ahead != NULL) {
		(void)refuse(b, b->scan.line, b->scan.len, ahead);
		return;
	}
	l->text = b->scan.line;
	l->len = b->scan.len;
	l->tenant = tenant_of_record(b, l->record.tenant);
	m = &l->tenant->pipeline.model;
	m->stream = true;
	if (l->record.chat.p != NULL)
		l->hash = model_hash_chat(m, l->record.chat);
	b->read++;
	prefetch_lines(b, b->read - 1, b->read, MODEL_SLOT);
	if (b->read % (AHEAD / 2) != 0)
		return;
	half = b->read - AHEAD / 2;
	prefetch_lines(b, b->added, half, MODEL_MESSAGES);
	prefetch_lines(b, half, b->read, MODEL_CHAT);
	add_lines_ahead(b, half);
}

/* Adds a line that belongs to a snapshot or is bad. The callbacks cannot
 * fail. */
static void
add_to_staging(struct one_shot *b, int scanned, struct record *r)
{
	enum outcome added = staging_add(&b->staging, &b->scan, scanned, r);
	int applied = staging_apply(&b->staging);

	(void)added;
	(void)applied;
}

/* Adds a block of lines in the form that scan_block() takes. */
static void
add_block(struct one_shot *b, const char *block, size_t len)
{
	struct scan *s = &b->scan;
	struct line_ahead *l;
	int scanned;

	scan_block(s, block, len);
	for (;;) {
		l = ahead_of(b, b->read);
		scanned = scan_record(s, &l->record);
		if (scanned == 0)
			break;
		b->lines++;
		if (scanned == 1 && !staging_takes(&l->record)) {
			take_ahead(b, l);
		} else {
			add_lines_ahead(b, b->read);
			add_to_staging(b, scanned, &l->record);
		}
	}
	add_lines_ahead(b, b->read);
}

static enum exit_code
report_endpoint_error(const struct endpoint *e)
{
	/* A closed pipe is a normal end. */
	if (endpoint_code(e) != PROG_OK)
		log_error("%s", endpoint_why(e));
	return endpoint_code(e);
}

/* Returns PROG_OK even if the input is bad, which is recorded in *b. */
static enum exit_code
read_to_end(struct one_shot *b, struct endpoint *in)
{
	char *block;
	size_t len;

	for (;;) {
		switch (endpoint_read_block(in, &block, &len, -1)) {
		case ENDPOINT_RECORD:
			add_block(b, block, len);
			break;
		case ENDPOINT_TOOLONG:
			b->lines++;
			(void)refuse(b, NULL, 0, endpoint_refusal(in));
			break;
		case ENDPOINT_WAIT:
			b->stopped = stop_asked();
			if (b->stopped)
				return PROG_OK;
			break;
		case ENDPOINT_CUT:
			b->cut = true;
			return PROG_OK;
		case ENDPOINT_END:
		case ENDPOINT_EMPTY:
			return PROG_OK;
		case ENDPOINT_FAILED:
			return report_endpoint_error(in);
		}
	}
}

static enum exit_code
read_one_shot_input(struct one_shot *b)
{
	struct endpoint_options opt = { .conf = b->job->conf,
		.uncounted = true };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct endpoint *in =
	    endpoint_open_read(b->job->from, &opt, &why, &code);

	if (in == NULL) {
		log_error("%s", buf_str(&why));
	} else {
		deadletter_open(&b->dead, in, &opt);
		code = read_to_end(b, in);
	}
	endpoint_close(in);
	buf_release(&why);
	return code;
}

/* True if the tenant's records count. If the input was cut off, records outside
 * a snapshot may be missing, so only tenants with complete snapshots have
 * rows. */
static bool
counts(const struct one_shot *b, const struct one_shot_tenant *t)
{
	const char *only = b->job->tenant;

	return !(b->cut && t->pipeline.model.stream) &&
	       (only == NULL || strcmp(only, t->name) == 0);
}

/* True if no record of the tenant has a time, so the tenant has no rows. */
static bool
is_undated(const struct one_shot_tenant *t)
{
	return t->pipeline.model.as_of == CLOCK_NONE;
}

/* Counts a tenant without rows. Its records are still passed through. */
static void
count_undated(struct one_shot *b, const struct one_shot_tenant *t)
{
	const struct aggregator_job *job = b->job;
	bool rows = job->selection.n > 0 || job->format != OUTPUT_NDJSON ||
		    job->explain != NULL;

	b->undated += !rows || t->pass_through.len > 0;
	if (!rows)
		return;
	log_error("records of tenant '%s' outside a snapshot have no time, so "
		  "their rows have no date; add 'at' to the records",
	    t->name);
	b->bad = true;
}

/* Replays the tenant's day. */
static struct simulation *
simulate_day(struct one_shot *b, struct one_shot_tenant *t)
{
	struct allocation_settings set;

	allocation_settings_read(&set, b->job->conf);
	return simulation_run(t->name, &t->replay, &set, b->job->limit);
}

/* Adds the report of one tenant. The rows of a tenant with a snapshot stand
 * between its markers, even if later records have changed them, so that the
 * database deletes what is no longer there. */
static void
make_report(struct one_shot *b, struct one_shot_tenant *t)
{
	struct tenant_rows *r = &b->reports[b->reports_n++];

	tenant_rows_init(r, &t->pipeline, t->snapshot);
	if (b->job->selection.allocation)
		r->simulation = b->simulations[b->simulations_n++] =
		    simulate_day(b, t);
}

static int
compare_tenants(const void *a, const void *b)
{
	return strcmp((*(struct one_shot_tenant *const *)a)->name,
	    (*(struct one_shot_tenant *const *)b)->name);
}

static void
sort_tenants(struct one_shot *b)
{
	struct strmap_entry *e;
	size_t i = 0;

	b->tenants =
	    xcalloc(b->names.live + 1, sizeof(struct one_shot_tenant *));
	while ((e = strmap_next(&b->names, &i)) != NULL)
		b->tenants[b->tenants_n++] = e->value;
	sort_array(b->tenants, b->tenants_n, sizeof(struct one_shot_tenant *),
	    compare_tenants);
}

static void
make_reports(struct one_shot *b)
{
	size_t n, i;

	sort_tenants(b);
	n = b->tenants_n;
	b->reports = xcalloc(n + 1, sizeof *b->reports);
	b->simulations = xcalloc(n + 1, sizeof(struct simulation *));
	for (i = 0; i < n; i++) {
		if (!counts(b, b->tenants[i]))
			continue;
		if (is_undated(b->tenants[i]))
			count_undated(b, b->tenants[i]);
		else
			make_report(b, b->tenants[i]);
	}
}

/* Shows people only the metrics that they selected. */
static void
show_reports(const struct aggregator_job *job, struct tenant_rows *reports,
    size_t n, struct buf *to)
{
	size_t i;

	if (job->selection.overview || tenant_rows_has_plain(&job->selection))
		tenant_rows_table(reports, n, to);
	for (i = 0; i < n; i++) {
		if (reports[i].simulation == NULL)
			continue;
		if (to->len > 0)
			buf_addc(to, '\n');
		simulation_table(reports[i].simulation, to);
	}
}

static int
write_reports(const struct aggregator_job *job, struct endpoint *out,
    struct tenant_rows *reports, size_t n)
{
	struct buf text = BUF_INIT;
	size_t i;
	int ret = 0;

	switch (job->format) {
	case OUTPUT_NDJSON:
		for (i = 0; i < n && ret == 0; i++)
			ret = tenant_rows_ndjson(
			    &reports[i], aggregator_write_line, out);
		break;
	case OUTPUT_CSV:
		tenant_rows_csv(reports, n, job->table, &text);
		ret = buf_each_line(&text, aggregator_write_line, out);
		break;
	case OUTPUT_TABLE:
	case OUTPUT_AUTO:
		show_reports(job, reports, n, &text);
		ret = buf_each_line(&text, aggregator_write_line, out);
		break;
	}
	buf_release(&text);
	return ret;
}

/* Writes the records that are passed through, before all rows. */
static int
write_passed(struct one_shot *b, struct endpoint *out)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < b->tenants_n && ret == 0; i++)
		if (counts(b, b->tenants[i]))
			ret = buf_each_line(&b->tenants[i]->pass_through,
			    aggregator_write_line, out);
	return ret;
}

static int
write_one_shot_answer(struct one_shot *b, struct endpoint *out)
{
	const struct aggregator_job *job = b->job;
	struct buf text = BUF_INIT;
	int ret;

	if (job->explain == NULL)
		return write_passed(b, out) == -1
			   ? -1
			   : write_reports(job, out, b->reports, b->reports_n);
	if (job->format == OUTPUT_NDJSON)
		return explain_ndjson(
		    &b->explained, aggregator_write_line, out);
	explain_text(&b->explained, job->format, &text);
	ret = buf_each_line(&text, aggregator_write_line, out);
	buf_release(&text);
	return ret;
}

/* Writes the assignments of the simulated days. */
static int
write_assignments(const struct one_shot *b, struct endpoint *to)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < b->simulations_n && ret == 0; i++)
		ret = simulation_assignments(
		    b->simulations[i], aggregator_write_line, to);
	return ret;
}

static enum exit_code
write_output(struct one_shot *b)
{
	struct endpoint_options opt = { .conf = b->job->conf };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct endpoint *out =
	    endpoint_open_write(b->job->to, &opt, &why, &code);

	FAULT_POINT("aggregator.input_read");
	if (out == NULL)
		log_error("%s", buf_str(&why));
	else if ((b->job->format == OUTPUT_NDJSON &&
		     write_assignments(b, out) == -1) ||
		 write_one_shot_answer(b, out) == -1 ||
		 endpoint_flush(out) != OUTCOME_DONE)
		code = report_endpoint_error(out);
	FAULT_POINT("aggregator.rows_written");
	endpoint_close(out);
	buf_release(&why);
	return code;
}

/* Reports each snapshot without an end, or, if there is none, only that the
 * input was cut off. */
static void
report_unfinished(struct one_shot *b)
{
	uint64_t before = b->staging.failed;

	staging_report_unfinished(&b->staging);
	if (b->cut && b->staging.failed == before)
		log_error("the input ends inside line %" PRIu64
			  "; this line is not used",
		    b->lines + 1);
}

/* Returns PROG_OK if there is something to write. Errors are logged once. */
static enum exit_code
prepare_answer(struct one_shot *b)
{
	const struct aggregator_job *job = b->job;

	report_unfinished(b);
	make_reports(b);
	b->bad = b->bad || b->staging.failed > 0 || b->dead.count > 0 || b->cut;
	/* If the program was stopped, a simulated day may be incomplete. */
	b->stopped = b->simulations_n > 0 && stop_asked();
	if (b->reports_n + b->undated > 0 && job->explain == NULL)
		return PROG_OK;
	if (b->reports_n > 0)
		return explain_find(
		    &b->explained, job, b->reports, b->reports_n);
	if (b->bad)
		return PROG_DATA;
	log_error("no input: %s has no snapshot and no records%s%s",
	    strcmp(job->from, "-") == 0 ? "standard input" : job->from,
	    job->tenant != NULL ? " of tenant " : "",
	    job->tenant != NULL ? job->tenant : "");
	return PROG_NOINPUT;
}

/* Logs the result of the run, as the other programs do; "incomplete" counts
 * snapshots. People see it in their table instead. */
static void
log_one_shot_summary(const struct one_shot *b)
{
	if (b->job->format == OUTPUT_TABLE)
		return;
	log_info("aggregator_done",
	    "lines=%" PRIu64 " refused=%" PRIu64
	    " tenants=%zu incomplete=%" PRIu64,
	    b->lines, b->dead.count, b->tenants_n, b->staging.failed);
}

static void
release_one_shot(struct one_shot *b)
{
	size_t i;

	for (i = 0; i < b->simulations_n; i++)
		simulation_free(b->simulations[i]);
	free(b->simulations);
	free(b->reports);
	free(b->tenants);
	deadletter_close(&b->dead);
	strmap_release(&b->names, free_tenant);
	staging_close(&b->staging);
	scan_release(&b->scan);
}

static void
init_one_shot(struct one_shot *b, const struct aggregator_job *job)
{
	memset(b, 0, sizeof *b);
	b->job = job;
	b->setup.job = job;
	b->setup.cache = &b->cache;
	b->setup.future = &b->future;
	future_init(&b->future, job->conf);
	b->passes = job->format == OUTPUT_NDJSON && job->explain == NULL;
	/* The model knows the first version of a message. */
	b->setup.clocks = b->passes && job->selection.messages;
	b->staging.future = &b->future;
	b->staging.ctx = b;
	b->staging.refuse = refuse;
	b->staging.begin = begin_snapshot;
	b->staging.add = add_record;
	b->staging.end = end_snapshot;
	scan_init(&b->scan);
}

static enum exit_code
run_one_shot(const struct aggregator_job *job)
{
	struct one_shot b;
	enum exit_code code;

	init_one_shot(&b, job);
	code = read_one_shot_input(&b);
	if (code == PROG_OK && !b.stopped) {
		code = prepare_answer(&b);
		if (code == PROG_OK && !b.stopped)
			code = write_output(&b);
		log_one_shot_summary(&b);
		if (code == PROG_OK && b.bad)
			code = PROG_DATA;
	}
	release_one_shot(&b);
	return code;
}

/* The largest value of --limit. */
enum { MOST_LIMIT = 1000000 };

static int
take_limit(const char *value, void *to)
{
	if (parse_int(value, 0, MOST_LIMIT, to) == 0)
		return -1;
	return prog_usage_error(
	    "'%s' is not a limit from 0 to %d", value, MOST_LIMIT);
}

static const struct option_row rows[] = {
	AGGREGATOR_FROM,
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_METRICS,
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	OPTION_TAKE(0, "limit", "N", struct aggregator, job.limit, take_limit,
	    "simulated allocation: the limit for every operator"),
	OPTION_TEXT(0, "table", "NAME", struct aggregator, table,
	    "the table of -o csv (operator_metrics)"),
	AGGREGATOR_TENANT,
};

enum exit_code
aggregator_run_once(void *options)
{
	struct aggregator *a = options;
	enum exit_code code;

	if (!aggregator_configure(a, &code))
		return code;
	if (!a->job.selection.allocation && a->job.limit != RECORD_NO_NUMBER) {
		(void)prog_usage_error("--limit is for -a allocation");
		return PROG_USAGE;
	}
	return run_one_shot(&a->job);
}

const struct option_mode aggregator_mode_once = {
	.title = "a file or standard input",
	.about =
	    "Computes metrics from records of operators, chats and messages.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = aggregator_check_rows,
	.run = aggregator_run_once,
};
