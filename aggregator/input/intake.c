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
#include "common/containers/hash.h"

static void
free_intake_tenant(void *p)
{
	struct intake_tenant *t = p;

	if (t->pipeline != NULL)
		pipeline_release(t->pipeline);
	free(t->pipeline);
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
named_tenant(struct intake *in, struct text name)
{
	void **slot = strmap_put(&in->tenants, name.p, name.len);
	struct intake_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->name_len = name.len;
		*slot = t;
	}
	return *slot;
}

/* Returns the tenant of the record that was scanned last. */
static struct intake_tenant *
get_tenant(struct intake *in, struct text name)
{
	struct intake_tenant **recent = &in->recent[in->scan.tenant];
	struct intake_tenant *t = *recent;

	if (t == NULL || t->name_len != name.len ||
	    !hash_same(t->name, name.p, name.len))
		*recent = named_tenant(in, name);
	return *recent;
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

static struct pipeline *
get_pipeline(struct intake *in, struct intake_tenant *t)
{
	struct text name = { t->name, t->name_len };

	if (t->pipeline == NULL) {
		t->pipeline = xcalloc(1, sizeof *t->pipeline);
		pipeline_init(t->pipeline, in->setup, name, 0);
	}
	return t->pipeline;
}

/* Keeps the line if it is to be passed through. */
static void
pass_through(struct intake *in, struct intake_tenant *t, const struct record *r,
    const char *line, size_t len)
{
	if (!in->passes || !metric_selection_passes(in->setup->selection, r))
		return;
	if (r->snapshot.p != NULL) {
		markers_strip(&t->pass_through, line, len, CLOCK_NONE);
	} else {
		buf_add(&t->pass_through, line, len);
		buf_addc(&t->pass_through, '\n');
	}
}

/* snapshot_at: the begin of the record's snapshot, or CLOCK_NONE. */
static void
add_record(struct intake *in, struct intake_tenant *t, const struct record *r,
    const char *line, size_t len, int64_t snapshot_at)
{
	pass_through(in, t, r, line, len);
	if (in->setup->selection->allocation)
		replay_log_add(&t->replay, r, line, len, snapshot_at);
	(void)pipeline_add(t->pipeline, r);
}

static void
add_to_stream(struct intake *in, struct intake_line *l)
{
	struct intake_tenant *t = l->tenant;
	const char *ahead = future_refuses(in->setup->future, &l->record);

	if (ahead != NULL) {
		intake_refuse(in, l->text, l->len, ahead);
		return;
	}
	if (t == NULL)
		t = get_tenant(in, l->record.tenant);
	get_pipeline(in, t)->model.stream = true;
	add_record(in, t, &l->record, l->text, l->len, CLOCK_NONE);
}

/* Implement the callbacks of the staging. */

static enum outcome
refuse_line(void *ctx, const char *line, size_t len, const char *why)
{
	intake_refuse(ctx, line, len, why);
	return OUTCOME_DONE;
}

static void
mark_replay(struct intake *in, struct intake_tenant *t, enum replay_kind what,
    int64_t at)
{
	if (in->setup->selection->allocation)
		replay_log_mark(&t->replay, what, at);
}

static void
begin_snapshot(void *ctx, struct text tenant, int64_t at)
{
	struct intake *in = ctx;
	struct intake_tenant *t = named_tenant(in, tenant);

	mark_replay(in, t, REPLAY_SNAPSHOT_BEGIN, at);
	pipeline_begin_snapshot(get_pipeline(in, t), at);
}

static int
add_from_snapshot(
    void *ctx, const struct record *r, const char *line, size_t len)
{
	struct intake *in = ctx;
	struct intake_tenant *t = named_tenant(in, r->tenant);

	add_record(in, t, r, line, len, t->pipeline->model.snapshot_at);
	return 0;
}

static void
end_snapshot(void *ctx, struct text tenant, const struct markers *m,
    const struct bucket_set *part)
{
	struct intake *in = ctx;
	struct intake_tenant *t = named_tenant(in, tenant);

	model_end_snapshot(&t->pipeline->model, part);
	mark_replay(in, t, REPLAY_SNAPSHOT_END, m->at);
	free(t->snapshot);
	t->snapshot = xstrdup(m->id);
	t->snapshot_end = m->end_at;
}

void
intake_init(struct intake *in, const struct pipeline_setup *setup)
{
	memset(in, 0, sizeof *in);
	in->setup = setup;
	in->staging = (struct staging){ .future = setup->future,
		.ctx = in,
		.refuse = refuse_line,
		.begin = begin_snapshot,
		.add = add_from_snapshot,
		.end = end_snapshot };
	scan_init(&in->scan);
	in->scan.skips_text = setup->text_of == NULL &&
			      !metric_selection_needs_text(setup->selection);
}

/* Adds a line that belongs to a snapshot or is bad. The callbacks cannot
 * fail. */
static void
add_to_staging(struct intake *in, const struct staging_line *l)
{
	enum outcome added = staging_add(&in->staging, l);
	int applied = staging_apply(&in->staging);

	(void)added;
	(void)applied;
}

static void
add_line(struct intake *in, struct intake_line *l)
{
	struct record *r = &l->record;

	in->lines++;
	if (r->snapshot.p == NULL && r->type != RECORD_ROW &&
	    r->type != RECORD_UNKNOWN)
		add_to_stream(in, l);
	else
		add_to_staging(in, &(struct staging_line){ .p = l->text,
				       .len = l->len,
				       .record = r,
				       .flat = r->flat });
}

static void
add_bad_line(struct intake *in)
{
	const struct scan *s = &in->scan;

	in->lines++;
	add_to_staging(in, &(struct staging_line){ .p = s->line,
			       .len = s->len,
			       .flat = &s->flat,
			       .why = buf_str(&s->why) });
}

static struct intake_line *
line_ahead(struct intake *in, uint64_t n)
{
	return &in->ahead[n % INTAKE_AHEAD];
}

/* Returns the model to which the line is added; NULL: none yet. */
static const struct model *
model_of_line(const struct intake_line *l)
{
	const struct intake_tenant *t = l->tenant;

	return l->record.snapshot.p == NULL && t->pipeline != NULL
		   ? &t->pipeline->model
		   : NULL;
}

/* Prefetches a part of what the lines will touch. */
static void
prefetch_lines(
    struct intake *in, uint64_t from, uint64_t to, enum model_near near)
{
	const struct intake_line *l;
	const struct model *m;

	for (; from < to; from++) {
		l = line_ahead(in, from);
		m = model_of_line(l);
		if (m != NULL && l->record.chat.p != NULL)
			model_prefetch(m, l->hash, near);
	}
}

/* Adds the oldest lines that were read ahead. */
static void
add_lines_ahead(struct intake *in, uint64_t to)
{
	for (; in->added < to; in->added++)
		add_line(in, line_ahead(in, in->added));
}

/* Takes a line that is added later. Half of the lines ahead are added while the
 * chats of the other half arrive from memory. */
static void
take_ahead(struct intake *in, struct intake_line *l)
{
	const struct model *m;
	uint64_t half;

	l->tenant = get_tenant(in, l->record.tenant);
	m = model_of_line(l);
	if (m != NULL && l->record.chat.p != NULL)
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

void
intake_add_block(struct intake *in, const char *block, size_t len)
{
	struct scan *s = &in->scan;
	struct intake_line *l;
	int rc;

	scan_block(s, block, len);
	for (;;) {
		l = line_ahead(in, in->read);
		rc = scan_record(s, &l->record);
		if (rc == 0)
			break;
		l->text = s->line;
		l->len = s->len;
		l->tenant = NULL;
		/* Other records may need s->flat, which the next line
		 * replaces. */
		if (rc == 1 && s->fields != 0) {
			take_ahead(in, l);
			continue;
		}
		add_lines_ahead(in, in->read);
		if (rc == 1)
			add_line(in, l);
		else
			add_bad_line(in);
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
