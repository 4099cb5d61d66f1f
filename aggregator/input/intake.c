/*
 * intake: see intake.h.
 */
#include "aggregator/input/intake.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/hash.h"

/* The end of each log line about a snapshot that is not whole. */
#define UNUSED "; all of it is ignored"

static void
free_intake_tenant(void *p)
{
	struct intake_tenant *t = p;

	snapshot_free(t->open);
	snapshot_free(t->whole);
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
intake_init(
    struct intake *in, const struct pipeline_setup *setup, const char *text_of)
{
	memset(in, 0, sizeof *in);
	in->setup = setup;
	in->text_of = text_of;
	scan_init(&in->scan);
	in->scan.skips_text =
	    text_of == NULL && !metric_selection_needs_text(setup->selection);
}

void
intake_release(struct intake *in)
{
	strmap_release(&in->marked.tenants, free_intake_tenant);
	scan_release(&in->scan);
}

static bool
is_named(const struct intake_tenant *t, struct text name)
{
	return t != NULL && t->name_len == name.len &&
	       hash_same(t->name, name.p, name.len);
}

/* Names mostly differ in their length or their last byte. */
static struct intake_tenant *
get_other_tenant(struct intake *in, struct text name)
{
	size_t at = 5 * name.len + (unsigned char)name.p[name.len - 1];
	struct intake_tenant **recent = &in->recent[at % INTAKE_RECENT], *t;
	void **slot;

	if (is_named(*recent, name))
		return *recent;
	slot = strmap_put(&in->marked.tenants, name.p, name.len);
	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->name_len = name.len;
		*slot = t;
	}
	*recent = *slot;
	return *recent;
}

static struct intake_tenant *
get_tenant(struct intake *in, struct text name)
{
	if (!is_named(in->last, name))
		in->last = get_other_tenant(in, name);
	return in->last;
}

/* A record of the future is a bad line. */
static bool
refuses_future(struct intake *in)
{
	const char *why = future_refuses(in->setup->future, &in->record);

	if (why != NULL)
		in->from->bad(in->from->ctx, in->scan.line, in->scan.len, why);
	return why != NULL;
}

static void
open_tenant_stream(struct intake *in, struct intake_tenant *t)
{
	struct text name = { t->name, t->name_len };

	t->stream = xcalloc(1, sizeof *t->stream);
	pipeline_init(t->stream, in->setup, name, true, CLOCK_NONE, 0);
	t->stream->model.text_of = in->text_of;
}

static void
add_to_stream(struct intake *in, struct intake_tenant *t)
{
	struct record *r = &in->record;

	if (r->type == RECORD_UNKNOWN || refuses_future(in))
		return;
	if (t->stream == NULL)
		open_tenant_stream(in, t);
	passing_add(
	    &in->passing, &t->pass_through, r, in->scan.line, in->scan.len);
	if (in->setup->selection->allocation)
		replay_log_add(
		    &t->replay, r, in->scan.line, in->scan.len, CLOCK_NONE);
	(void)pipeline_add(t->stream, r);
}

/* Where the last line is. */
static const char *
where_in_input(struct intake *in)
{
	return in->from->where(in->from->ctx, in->scan.line);
}

/* Logs a snapshot once; its other lines are ignored. */
static void
fail_snapshot(struct intake *in, struct intake_tenant *t, struct text id,
    const char *reason)
{
	void **slot = strmap_put(&t->failed, id.p, id.len);

	if (*slot != NULL)
		return;
	*slot = t;
	in->failed++;
	log_error(
	    "snapshot '%.*s' of tenant '%s' %s", TEXT_ARG(id), t->name, reason);
}

static void
set_open(struct intake_tenant *t, struct snapshot *s)
{
	t->open = s;
	t->marked.open = s != NULL ? &s->markers : NULL;
}

static void
fail_open(struct intake *in, struct intake_tenant *t, const char *reason)
{
	struct snapshot *s = t->open;

	fail_snapshot(in, t,
	    (struct text){ s->markers.id, strlen(s->markers.id) }, reason);
	set_open(t, NULL);
	snapshot_free(s);
}

/* A snapshot begins; one that is open is cut. */
static void
open_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;

	if (t->open != NULL) {
		buf_addf(&reason,
		    "is incomplete: another one begins at %s" UNUSED,
		    where_in_input(in));
		fail_open(in, t, buf_str(&reason));
		buf_release(&reason);
	}
	(void)strmap_delete(&t->failed, r->snapshot.p, r->snapshot.len);
	set_open(t, snapshot_new(in->setup, r->tenant, r->at));
	markers_open(&t->open->markers, r);
	t->open->pipeline.model.text_of = in->text_of;
}

static void
begin_part(struct intake *in, struct intake_tenant *t, unsigned part)
{
	struct markers *m = t->marked.open;

	if (!markers_are_of(m, in->record.snapshot) ||
	    m->in_parts != (part != MARKERS_WHOLE) || m->parts[part].begun)
		open_snapshot(in, t);
	else
		markers_begin_part(m, part);
}

/* The snapshot is whole. Of two the newer is kept, of two with the same time
 * the later one. */
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
		snapshot_free(s);
		return;
	}
	snapshot_free(t->whole);
	t->whole = s;
}

/* Counts parts only when that one just became whole. */
static void
finish_if_whole(const struct intake *in, struct intake_tenant *t, unsigned part)
{
	const struct markers *m = &t->open->markers;

	if (marked_part_is_whole(&m->parts[part]) &&
	    (!m->in_parts || markers_count_whole(m) == BUCKET_PARTS))
		finish_snapshot(in, t);
}

static void
end_part(struct intake *in, struct intake_tenant *t, unsigned part)
{
	const struct record *r = &in->record;
	struct marked_part *p = NULL;
	struct buf reason = BUF_INIT;

	if (markers_are_of(t->marked.open, r->snapshot))
		p = &t->open->markers.parts[part];
	if (p == NULL || !p->begun) {
		buf_addf(&reason, "ends at %s without a begin marker" UNUSED,
		    where_in_input(in));
		fail_snapshot(in, t, r->snapshot, buf_str(&reason));
	} else if (p->lines != (uint64_t)r->records) {
		buf_addf(&reason,
		    "is incomplete: %" PRIu64
		    " records came, its end marker at %s says %" PRId64 UNUSED,
		    p->lines, where_in_input(in), r->records);
		fail_open(in, t, buf_str(&reason));
	} else {
		markers_end_part(&t->open->markers, part, r);
		finish_if_whole(in, t, part);
	}
	buf_release(&reason);
}

/* One more line of the open snapshot, readable or not. */
static void
count_line(const struct intake *in, struct intake_tenant *t, unsigned part)
{
	t->open->markers.parts[part].lines++;
	finish_if_whole(in, t, part);
}

/* The line names a snapshot that is not open. */
static void
fail_outside(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;

	if (t->whole != NULL && text_is(r->snapshot, t->whole->markers.id))
		buf_addf(&reason,
		    "continues after its end marker at %s; these records are "
		    "ignored",
		    where_in_input(in));
	else
		buf_addf(&reason,
		    "has a record before its begin marker at %s" UNUSED,
		    where_in_input(in));
	fail_snapshot(in, t, r->snapshot, buf_str(&reason));
	buf_release(&reason);
}

/* It begins in the future, as `why` says. */
static void
fail_ahead(struct intake *in, struct intake_tenant *t, const char *why)
{
	struct buf reason = BUF_INIT;

	buf_addf(&reason, "is %s at %s" UNUSED, why, where_in_input(in));
	fail_snapshot(in, t, in->record.snapshot, buf_str(&reason));
	buf_release(&reason);
}

/* The input ends while a snapshot is open; cut: inside a line. */
static void
fail_at_end(struct intake *in, struct intake_tenant *t, bool cut)
{
	const struct markers *m = &t->open->markers;
	struct buf reason = BUF_INIT;

	if (cut)
		buf_addf(&reason,
		    "is incomplete: the input ends inside line %" PRIu64,
		    in->lines + 1);
	else if (m->in_parts)
		buf_addf(&reason,
		    "is incomplete: the input ends after line %" PRIu64
		    ", and of its %d parts %zu came" UNUSED,
		    in->lines, BUCKET_PARTS, markers_count_whole(m));
	else
		buf_addf(&reason,
		    "is incomplete: the input ends after line %" PRIu64
		    ", before its end marker" UNUSED,
		    in->lines);
	fail_open(in, t, buf_str(&reason));
	buf_release(&reason);
}

static void
add_to_snapshot(struct intake *in, struct intake_tenant *t, unsigned part)
{
	const char *why;

	if (!markers_are_of(t->marked.open, in->record.snapshot) ||
	    !t->open->markers.parts[part].begun) {
		fail_outside(in, t);
		return;
	}
	why = snapshot_add(t->open, in->setup, &in->passing, &in->record,
	    in->scan.line, in->scan.len);
	if (why != NULL)
		in->from->bad(in->from->ctx, in->scan.line, in->scan.len, why);
	count_line(in, t, part);
}

/* A line that cannot be read counts for its snapshot. */
static void
count_bad(struct intake *in)
{
	struct marked_tenant *t = marked_owner(&in->marked, &in->scan.flat);

	if (t != NULL)
		count_line(in, (struct intake_tenant *)t, in->marked.last_part);
}

void
intake_add_unread(struct intake *in)
{
	in->lines++;
	in->scan.flat.n = 0;
	count_bad(in);
}

static void
apply_marker(struct intake *in, struct intake_tenant *t, unsigned part)
{
	const char *ahead = future_refuses(in->setup->future, &in->record);

	if (ahead != NULL)
		fail_ahead(in, t, ahead);
	else if (in->record.state == SNAPSHOT_BEGIN)
		begin_part(in, t, part);
	else
		end_part(in, t, part);
}

/* One record that could be read. */
static void
add_parsed(struct intake *in)
{
	struct record *r = &in->record;
	struct intake_tenant *t;
	unsigned part;

	if (r->type == RECORD_UNKNOWN) {
		r->tenant = record_peek(r->flat, "tenant");
		r->snapshot = record_peek(r->flat, "snapshot");
		if (r->tenant.p == NULL)
			return;
	}
	t = get_tenant(in, r->tenant);
	in->marked.outside = r->snapshot.p == NULL;
	if (in->marked.outside) {
		add_to_stream(in, t);
		return;
	}
	part = markers_part_of(t->marked.open, r);
	in->marked.last = &t->marked;
	in->marked.last_part = part;
	if (r->type == RECORD_SNAPSHOT)
		apply_marker(in, t, part);
	else
		add_to_snapshot(in, t, part);
}

/* A line was scanned: rc is 1 for a record, -1 for a bad line. */
static void
add_scanned(struct intake *in, int rc)
{
	struct scan *s = &in->scan;

	in->lines++;
	if (rc == 1 && in->record.type == RECORD_ROW) {
		in->from->bad(in->from->ctx, s->line, s->len, REFUSED_ROW);
		return;
	}
	if (rc == 1) {
		add_parsed(in);
		return;
	}
	count_bad(in);
	in->from->bad(in->from->ctx, s->line, s->len, buf_str(&s->why));
}

void
intake_add_block(struct intake *in, const char *block, size_t len,
    const struct intake_source *from)
{
	int rc;

	in->from = from;
	scan_block(&in->scan, block, len);
	while ((rc = scan_record(&in->scan, &in->record)) != 0)
		add_scanned(in, rc);
}

void
intake_end(struct intake *in, bool cut)
{
	struct strmap_entry *e;
	uint64_t before = in->failed;
	size_t i = 0;

	while ((e = strmap_next(&in->marked.tenants, &i)) != NULL) {
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
	    xcalloc(in->marked.tenants.live + 1, sizeof *list);
	struct strmap_entry *e;
	size_t i = 0;

	*n = 0;
	while ((e = strmap_next(&in->marked.tenants, &i)) != NULL)
		list[(*n)++] = e->value;
	if (*n > 1)
		qsort(
		    list, *n, sizeof(struct intake_tenant *), compare_tenants);
	return list;
}
