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
free_snapshot(struct snapshot *s)
{
	if (s == NULL)
		return;
	pipeline_release(&s->pipeline);
	buf_release(&s->pass_through);
	buf_release(&s->events);
	replay_log_release(&s->replay);
	markers_close(&s->markers);
	free(s);
}

static void
free_intake_tenant(void *p)
{
	struct intake_tenant *t = p;

	free_snapshot(t->open);
	free_snapshot(t->whole);
	if (t->stream != NULL)
		pipeline_release(t->stream);
	free(t->stream);
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

static void
open_tenant_stream(struct intake *in, struct intake_tenant *t)
{
	struct text name = { t->name, t->name_len };

	t->stream = xcalloc(1, sizeof *t->stream);
	pipeline_init(t->stream, in->setup, name, true, CLOCK_NONE, 0);
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

static void
add_to_stream(struct intake *in, struct intake_tenant *t)
{
	struct record *r = &in->now->record;

	if (r->type == RECORD_UNKNOWN || refuses_future(in))
		return;
	if (t->stream == NULL)
		open_tenant_stream(in, t);
	pass_through(in, &t->pass_through);
	if (in->setup->selection->allocation)
		replay_log_add(
		    &t->replay, r, in->now->text, in->now->len, CLOCK_NONE);
	(void)pipeline_add(t->stream, r);
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
set_open(struct intake_tenant *t, struct snapshot *s)
{
	t->open = s;
	t->marked.open = s != NULL ? &s->markers : NULL;
}

static void
drop_open(struct intake_tenant *t)
{
	struct snapshot *s = t->open;

	set_open(t, NULL);
	free_snapshot(s);
}

static struct text
open_id(const struct intake_tenant *t)
{
	const char *id = t->open->markers.id;

	return (struct text){ id, strlen(id) };
}

/* Begins a snapshot. A snapshot that is still open is incomplete. */
static void
begin_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->now->record;
	struct snapshot *s;

	if (t->open != NULL) {
		fail_snapshot(in, t, open_id(t),
		    "is incomplete: another one begins at line %" PRIu64 UNUSED,
		    in->lines);
		drop_open(t);
	}
	(void)strmap_delete(&t->failed, r->snapshot.p, r->snapshot.len);
	s = xcalloc(1, sizeof *s);
	pipeline_init(&s->pipeline, in->setup, r->tenant, false, r->at, 0);
	markers_open(&s->markers, r);
	set_open(t, s);
}

/* The snapshot is complete. The newest snapshot is kept; of two with the same
 * time, the later one. */
static void
finish_snapshot(const struct intake *in, struct intake_tenant *t)
{
	struct snapshot *s = t->open;

	set_open(t, NULL);
	if (in->setup->selection->allocation)
		replay_log_add_snapshot(&t->replay, &s->replay, s->markers.at);
	if (t->whole != NULL && t->whole->markers.at > s->markers.at) {
		log_info("snapshot_older", "tenant=%s snapshot=%s newer=%s",
		    t->name, s->markers.id, t->whole->markers.id);
		free_snapshot(s);
		return;
	}
	free_snapshot(t->whole);
	t->whole = s;
}

static struct marked_part *
open_part(struct intake_tenant *t)
{
	return &t->open->markers.parts[MARKERS_WHOLE];
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
		markers_end_part(&t->open->markers, MARKERS_WHOLE, r);
		finish_snapshot(in, t);
	}
}

/* Reports a line whose snapshot is not open. */
static void
fail_outside(struct intake *in, struct intake_tenant *t)
{
	struct text id = in->now->record.snapshot;
	bool over = t->whole != NULL && text_is(id, t->whole->markers.id);

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
	struct snapshot *s = t->open;

	if (!markers_are_of(t->marked.open, l->record.snapshot)) {
		fail_outside(in, t);
		return;
	}
	open_part(t)->lines++;
	if (refuses_future(in))
		return;
	pass_through(in, &s->pass_through);
	if (in->setup->selection->allocation)
		replay_log_add(
		    &s->replay, &l->record, l->text, l->len, s->markers.at);
	if (l->record.type == RECORD_EVENT && !s->pipeline.model.no_events)
		markers_strip(&s->events, l->text, l->len, CLOCK_NONE);
	(void)pipeline_add(&s->pipeline, &l->record);
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

/* Returns the model to which the line belongs; NULL: none yet. */
static const struct model *
model_of_line(const struct intake_line *l)
{
	const struct intake_tenant *t = l->tenant;

	if (l->record.snapshot.p != NULL)
		return t->open != NULL ? &t->open->pipeline.model : NULL;
	return t->stream != NULL ? &t->stream->model : NULL;
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

		if (t->open != NULL)
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
