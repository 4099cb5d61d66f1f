/*
 * intake: see intake.h.
 */
#include "aggregator/input/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

static void
free_intake_tenant(void *p)
{
	struct intake_tenant *t = p;

	pipeline_release(&t->pipeline);
	free(t->snapshot);
	buf_release(&t->pass_through);
	replay_log_release(&t->replay);
	free(t->name);
	free(t);
}

void
intake_release(struct intake *in)
{
	strmap_release(&in->tenants, free_intake_tenant);
	staging_close(&in->staging);
	scan_release(&in->scan);
}

static struct intake_tenant *
get_tenant(struct intake *in, struct text name)
{
	void **slot = strmap_put(&in->tenants, name.p, name.len);
	struct intake_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->intake = in;
		t->name = text_dup(name);
		pipeline_init(&t->pipeline, in->setup, name, 0);
		*slot = t;
	}
	return *slot;
}

void
intake_refuse(struct intake *in, const char *line, size_t len, const char *why)
{
	enum outcome ignored;
	char where[32];

	/* Without a queue a dead letter is a line on standard error, which
	 * cannot fail. */
	(void)snprintf(where, sizeof where, "line %" PRIu64, in->lines);
	ignored = deadletter_add(in->dead, where, line, len, why);
	(void)ignored;
}

/* Keeps the line if it is to be passed through. */
static void
pass_through(struct intake_tenant *t, const struct record *r, const char *line,
    size_t len)
{
	const struct intake *in = t->intake;

	if (!in->passes ||
	    !metric_selection_passes(&in->setup->job->selection, r))
		return;
	if (r->snapshot.p != NULL) {
		staging_strip(&t->pass_through, line, len, CLOCK_NONE);
	} else {
		buf_add(&t->pass_through, line, len);
		buf_addc(&t->pass_through, '\n');
	}
}

/* Implements the callback of the staging, and adds other records, too. */
static int
add_record(void *tenant, const struct record *r, const char *line, size_t len)
{
	struct intake_tenant *t = tenant;

	pass_through(t, r, line, len);
	if (t->intake->setup->job->selection.allocation)
		replay_log_add(
		    &t->replay, r, line, len, t->pipeline.model.snapshot_at);
	(void)pipeline_add(&t->pipeline, r);
	return 0;
}

/* Implement the other callbacks of the staging. */

static enum outcome
refuse_line(void *ctx, const char *line, size_t len, const char *why)
{
	intake_refuse(ctx, line, len, why);
	return OUTCOME_DONE;
}

static void
mark_replay(struct intake_tenant *t, enum replay_kind what)
{
	if (t->intake->setup->job->selection.allocation)
		replay_log_mark(
		    &t->replay, what, t->pipeline.model.snapshot_at);
}

static void *
begin_snapshot(void *ctx, struct text name, int64_t at)
{
	struct intake_tenant *t = get_tenant(ctx, name);

	pipeline_begin_snapshot(&t->pipeline, at);
	mark_replay(t, REPLAY_SNAPSHOT_BEGIN);
	return t;
}

static void
end_snapshot(void *tenant, const char *snapshot, const struct bucket_set *part)
{
	struct intake_tenant *t = tenant;

	mark_replay(t, REPLAY_SNAPSHOT_END);
	model_end_snapshot(&t->pipeline.model, part);
	free(t->snapshot);
	t->snapshot = xstrdup(snapshot);
}

void
intake_init(struct intake *in, const struct pipeline_setup *setup)
{
	const struct aggregator_job *job = setup->job;

	memset(in, 0, sizeof *in);
	in->setup = setup;
	in->passes = job->format == OUTPUT_NDJSON && job->explain == NULL;
	in->staging = (struct staging){ .future = setup->future,
		.ctx = in,
		.refuse = refuse_line,
		.begin = begin_snapshot,
		.add = add_record,
		.end = end_snapshot };
	scan_init(&in->scan);
	in->scan.skips_text = job->explain == NULL &&
			      !metric_selection_has(&job->selection, "trends");
}

static struct intake_line *
line_ahead(struct intake *in, uint64_t n)
{
	return &in->ahead[n % INTAKE_AHEAD];
}

/* Prefetches a part of what the lines will touch. */
static void
prefetch_lines(
    struct intake *in, uint64_t from, uint64_t to, enum model_near near)
{
	const struct intake_line *l;

	for (; from < to; from++) {
		l = line_ahead(in, from);
		if (l->record.chat.p != NULL)
			model_prefetch(
			    &l->tenant->pipeline.model, l->hash, near);
	}
}

/* Adds the oldest lines that were read ahead. */
static void
add_lines_ahead(struct intake *in, uint64_t to)
{
	struct intake_line *l;

	for (; in->added < to; in->added++) {
		l = line_ahead(in, in->added);
		(void)add_record(l->tenant, &l->record, l->text, l->len);
	}
}

/* Returns the tenant of the record that was scanned last. */
static struct intake_tenant *
tenant_of_record(struct intake *in, struct text name)
{
	struct intake_tenant **recent = &in->recent[in->scan.tenant];

	if (*recent == NULL || !text_is(name, (*recent)->name))
		*recent = get_tenant(in, name);
	return *recent;
}

/* Takes a record outside snapshots, which is added later. Half of the lines
 * ahead are added while the chats of the other half arrive from memory. */
static void
take_ahead(struct intake *in, struct intake_line *l)
{
	const char *ahead = future_refuses(in->setup->future, &l->record);
	struct model *m;
	uint64_t half;

	if (ahead != NULL) {
		intake_refuse(in, in->scan.line, in->scan.len, ahead);
		return;
	}
	l->text = in->scan.line;
	l->len = in->scan.len;
	l->tenant = tenant_of_record(in, l->record.tenant);
	m = &l->tenant->pipeline.model;
	m->stream = true;
	if (l->record.chat.p != NULL)
		l->hash = model_hash_chat(m, l->record.chat);
	in->read++;
	prefetch_lines(in, in->read - 1, in->read, MODEL_SLOT);
	if (in->read % (INTAKE_AHEAD / 2) != 0)
		return;
	half = in->read - INTAKE_AHEAD / 2;
	prefetch_lines(in, in->added, half, MODEL_MESSAGES);
	prefetch_lines(in, half, in->read, MODEL_CHAT);
	add_lines_ahead(in, half);
}

/* Adds a line that belongs to a snapshot or is bad. The callbacks cannot
 * fail. */
static void
add_to_staging(struct intake *in, int scanned, struct record *r)
{
	enum outcome added = staging_add(&in->staging, &in->scan, scanned, r);
	int applied = staging_apply(&in->staging);

	(void)added;
	(void)applied;
}

void
intake_add_block(struct intake *in, const char *block, size_t len)
{
	struct scan *s = &in->scan;
	struct intake_line *l;
	int scanned;

	scan_block(s, block, len);
	for (;;) {
		l = line_ahead(in, in->read);
		scanned = scan_record(s, &l->record);
		if (scanned == 0)
			break;
		in->lines++;
		if (scanned == 1 && !staging_takes(&l->record)) {
			take_ahead(in, l);
		} else {
			add_lines_ahead(in, in->read);
			add_to_staging(in, scanned, &l->record);
		}
	}
	add_lines_ahead(in, in->read);
}

void
intake_end(struct intake *in, bool cut)
{
	uint64_t before = in->staging.failed;

	staging_report_unfinished(&in->staging);
	if (cut && in->staging.failed == before)
		log_error("the input ends inside line %" PRIu64
			  "; this line is not used",
		    in->lines + 1);
}

static int
compare_tenants(const void *a, const void *b)
{
	return strcmp((*(struct intake_tenant *const *)a)->name,
	    (*(struct intake_tenant *const *)b)->name);
}

struct intake_tenant **
intake_tenants(const struct intake *in, size_t *n)
{
	struct intake_tenant **list =
	    xcalloc(in->tenants.live + 1, sizeof *list);
	struct strmap_entry *e;
	size_t i = 0;

	*n = 0;
	while ((e = strmap_next(&in->tenants, &i)) != NULL)
		list[(*n)++] = e->value;
	sort_array(list, *n, sizeof(struct intake_tenant *), compare_tenants);
	return list;
}
