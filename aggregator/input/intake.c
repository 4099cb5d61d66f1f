/*
 * intake: see intake.h.
 */
#include "aggregator/input/intake.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/hash.h"

/* The end of each log line about an incomplete snapshot. */
#define UNUSED "; all of it is ignored"

static void
free_markers(struct markers *m)
{
	if (m != NULL)
		markers_close(m);
	free(m);
}

static void
free_intake_tenant(void *p)
{
	struct intake_tenant *t = p;

	free_markers(t->marked.open);
	free_markers(t->whole);
	if (t->pipeline != NULL)
		pipeline_release(t->pipeline);
	free(t->pipeline);
	buf_release(&t->lines);
	buf_release(&t->pass_through);
	replay_log_release(&t->replay);
	strmap_release(&t->failed, NULL);
	free(t->name);
	free(t);
}

void
intake_init(struct intake *in, const struct pipeline_setup *setup)
{
	memset(in, 0, sizeof *in);
	in->setup = setup;
	scan_init(&in->scan);
	in->scan.skips_text = setup->text_of == NULL &&
			      !metric_selection_needs_text(setup->selection);
}

void
intake_release(struct intake *in)
{
	strmap_release(&in->tenants, free_intake_tenant);
	scan_release(&in->scan);
}

static struct intake_tenant *
get_tenant(struct intake *in, struct text name)
{
	struct intake_tenant **recent = &in->recent[in->scan.tenant];
	struct intake_tenant *t = *recent;
	void **slot;

	if (t != NULL && t->name_len == name.len &&
	    hash_same(t->name, name.p, name.len))
		return t;
	slot = strmap_put(&in->tenants, name.p, name.len);
	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->name_len = name.len;
		*slot = t;
	}
	*recent = *slot;
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

/* True if the record is from the future, which makes it a bad line. */
static bool
refuses_future(struct intake *in)
{
	const char *why = future_refuses(in->setup->future, &in->now->record);

	if (why != NULL)
		intake_refuse(in, in->now->text, in->now->len, why);
	return why != NULL;
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
pass_through(struct intake *in, struct buf *to)
{
	const struct intake_line *l = in->now;

	if (!in->passes ||
	    !metric_selection_passes(in->setup->selection, &l->record))
		return;
	if (l->record.snapshot.p != NULL) {
		markers_strip(to, l->text, l->len, CLOCK_NONE);
	} else {
		buf_add(to, l->text, l->len);
		buf_addc(to, '\n');
	}
}

/* Adds the current record. snapshot_at: the begin of its snapshot, or
 * CLOCK_NONE. */
static void
add_record(struct intake *in, struct intake_tenant *t, int64_t snapshot_at)
{
	const struct intake_line *l = in->now;

	pass_through(in, &t->pass_through);
	if (in->setup->selection->allocation)
		replay_log_add(
		    &t->replay, &l->record, l->text, l->len, snapshot_at);
	(void)pipeline_add(t->pipeline, &l->record);
}

static void
add_to_stream(struct intake *in, struct intake_tenant *t)
{
	if (in->now->record.type == RECORD_UNKNOWN || refuses_future(in))
		return;
	get_pipeline(in, t)->model.stream = true;
	add_record(in, t, CLOCK_NONE);
}

/* Reports a broken snapshot once. Its remaining lines are ignored. */
__attribute__((format(printf, 4, 5))) static void
fail_snapshot(struct intake *in, struct intake_tenant *t, struct text id,
    const char *fmt, ...)
{
	void **slot = strmap_put(&t->failed, id.p, id.len);
	struct buf reason = BUF_INIT;
	va_list ap;

	if (*slot != NULL)
		return;
	*slot = t;
	in->failed++;
	va_start(ap, fmt);
	buf_addv(&reason, fmt, ap);
	va_end(ap);
	log_error("snapshot '%.*s' of tenant '%s' %s", TEXT_ARG(id), t->name,
	    buf_str(&reason));
	buf_release(&reason);
}

static void
drop_open(struct intake_tenant *t)
{
	free_markers(t->marked.open);
	t->marked.open = NULL;
	buf_release(&t->lines);
}

static struct text
open_id(const struct intake_tenant *t)
{
	const char *id = t->marked.open->id;

	return (struct text){ id, strlen(id) };
}

/* Begins a snapshot. A snapshot that is still open is incomplete. */
static void
begin_snapshot(struct intake *in, struct intake_tenant *t)
{
	static const char before[SCAN_BEFORE];
	const struct record *r = &in->now->record;

	if (t->marked.open != NULL) {
		fail_snapshot(in, t, open_id(t),
		    "is incomplete: another one begins at line %" PRIu64 UNUSED,
		    in->lines);
		drop_open(t);
	}
	(void)strmap_delete(&t->failed, r->snapshot.p, r->snapshot.len);
	t->marked.open = xcalloc(1, sizeof *t->marked.open);
	markers_open(t->marked.open, r);
	buf_add(&t->lines, before, sizeof before);
}

/* Adds the lines of the open snapshot, which can be read and are not from the
 * future. */
static void
add_snapshot_lines(struct intake *in, struct intake_tenant *t)
{
	static const char behind[SCAN_BEHIND];
	struct intake_line line, *before = in->now;
	struct scan scan;

	buf_add(&t->lines, behind, sizeof behind);
	scan_init(&scan);
	scan.skips_text = in->scan.skips_text;
	scan_block(&scan, t->lines.data + SCAN_BEFORE,
	    t->lines.len - SCAN_BEFORE - SCAN_BEHIND);
	in->now = &line;
	while (scan_record(&scan, &line.record) == 1) {
		line.text = scan.line;
		line.len = scan.len;
		/* It takes out what the record says about the future. */
		if (future_refuses(in->setup->future, &line.record) == NULL)
			add_record(in, t, t->marked.open->at);
	}
	in->now = before;
	scan_release(&scan);
}

/* The open snapshot is complete: it corrects the tenant, unless a newer one has
 * done so. */
static void
apply_snapshot(struct intake *in, struct intake_tenant *t)
{
	struct markers *m = t->marked.open;
	bool allocates = in->setup->selection->allocation;

	if (t->whole != NULL && t->whole->at > m->at) {
		log_info("snapshot_older", "tenant=%s snapshot=%s newer=%s",
		    t->name, m->id, t->whole->id);
		drop_open(t);
		return;
	}
	if (allocates)
		replay_log_mark(&t->replay, REPLAY_SNAPSHOT_BEGIN, m->at);
	pipeline_begin_snapshot(get_pipeline(in, t), m->at);
	add_snapshot_lines(in, t);
	model_end_snapshot(&t->pipeline->model, NULL);
	if (allocates)
		replay_log_mark(&t->replay, REPLAY_SNAPSHOT_END, m->at);
	free_markers(t->whole);
	t->whole = m;
	t->marked.open = NULL;
	buf_release(&t->lines);
}

static struct marked_part *
open_part(struct intake_tenant *t)
{
	return &t->marked.open->parts[MARKERS_WHOLE];
}

static void
end_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->now->record;

	if (!markers_are_of(t->marked.open, r->snapshot)) {
		fail_snapshot(in, t, r->snapshot,
		    "ends at line %" PRIu64 " without a begin marker" UNUSED,
		    in->lines);
	} else if (open_part(t)->lines != (uint64_t)r->records) {
		fail_snapshot(in, t, r->snapshot,
		    "is incomplete: %" PRIu64
		    " records arrived, its end marker at line %" PRIu64
		    " says %" PRId64 UNUSED,
		    open_part(t)->lines, in->lines, r->records);
		drop_open(t);
	} else {
		markers_end_part(t->marked.open, MARKERS_WHOLE, r);
		apply_snapshot(in, t);
	}
}

/* Reports a line whose snapshot is not open. */
static void
fail_outside(struct intake *in, struct intake_tenant *t)
{
	struct text id = in->now->record.snapshot;
	bool over = t->whole != NULL && text_is(id, t->whole->id);

	fail_snapshot(in, t, id,
	    over ? "continues after its end marker at line %" PRIu64
		   "; these records are ignored"
		 : "has a record before its begin marker at line %" PRIu64
		       UNUSED,
	    in->lines);
}

/* Reports a snapshot that is still open at the end of the input. cut: the input
 * ended inside a line. */
static void
fail_at_end(struct intake *in, struct intake_tenant *t, bool cut)
{
	if (cut)
		fail_snapshot(in, t, open_id(t),
		    "is incomplete: the input ends inside line %" PRIu64,
		    in->lines + 1);
	else
		fail_snapshot(in, t, open_id(t),
		    "is incomplete: the input ends after line %" PRIu64
		    ", before its end marker" UNUSED,
		    in->lines);
	drop_open(t);
}

static void
add_to_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct intake_line *l = in->now;

	if (!markers_are_of(t->marked.open, l->record.snapshot)) {
		fail_outside(in, t);
		return;
	}
	open_part(t)->lines++;
	if (refuses_future(in))
		return;
	buf_add(&t->lines, l->text, l->len);
	buf_addc(&t->lines, '\n');
}

/* Counts a bad record as a line of its snapshot. */
static void
count_bad(struct intake *in)
{
	unsigned part;
	struct marked_tenant *t =
	    marked_owner(&in->tenants, &in->scan.flat, &part);

	if (t != NULL)
		open_part((struct intake_tenant *)t)->lines++;
}

static void
apply_marker(struct intake *in, struct intake_tenant *t)
{
	const char *ahead = future_refuses(in->setup->future, &in->now->record);

	if (ahead != NULL)
		fail_snapshot(in, t, in->now->record.snapshot,
		    "is %s at line %" PRIu64 UNUSED, ahead, in->lines);
	else if (in->now->record.bucket != RECORD_NO_NUMBER)
		fail_snapshot(in, t, in->now->record.snapshot,
		    "is in parts, which only an aggregator behind a queue can "
		    "read" UNUSED);
	else if (in->now->record.state == SNAPSHOT_BEGIN)
		begin_snapshot(in, t);
	else
		end_snapshot(in, t);
}

static void
add_to_tenant(struct intake *in, struct intake_tenant *t)
{
	struct record *r = &in->now->record;

	if (r->snapshot.p == NULL)
		add_to_stream(in, t);
	else if (r->type == RECORD_SNAPSHOT)
		apply_marker(in, t);
	else
		add_to_snapshot(in, t);
}

/* Adds a readable record whose tenant is not yet known. */
static void
add_parsed(struct intake *in)
{
	struct record *r = &in->now->record;

	if (r->type == RECORD_UNKNOWN) {
		r->tenant = record_peek(r->flat, "tenant");
		r->snapshot = record_peek(r->flat, "snapshot");
		if (r->tenant.p == NULL)
			return;
	}
	add_to_tenant(in, get_tenant(in, r->tenant));
}

/* Adds a record; bad lines are not added. */
static void
add_line(struct intake *in, struct intake_line *l)
{
	in->now = l;
	in->lines++;
	if (l->record.type == RECORD_ROW)
		intake_refuse(in, l->text, l->len, REFUSED_ROW);
	else
		add_parsed(in);
}

static void
add_bad_line(struct intake *in)
{
	const struct scan *s = &in->scan;

	in->lines++;
	count_bad(in);
	intake_refuse(in, s->line, s->len, buf_str(&s->why));
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
	for (; in->added < to; in->added++) {
		in->now = line_ahead(in, in->added);
		in->lines++;
		add_to_tenant(in, in->now->tenant);
	}
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
	struct strmap_entry *e;
	uint64_t before = in->failed;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		struct intake_tenant *t = e->value;

		if (t->marked.open != NULL)
			fail_at_end(in, t, cut);
	}
	if (cut && in->failed == before)
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
