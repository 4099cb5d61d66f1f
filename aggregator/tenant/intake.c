/*
 * intake: see intake.h.
 */
#include "aggregator/tenant/intake.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

#include "common/containers/hash.h"

/* What becomes of a snapshot that is not whole. */
#define UNUSED "; nothing of it is used"

static void
free_snapshot(struct snapshot *s)
{
	if (s == NULL)
		return;
	pipeline_release(&s->pipeline);
	buf_release(&s->passed);
	replay_log_release(&s->replay);
	free(s->parts);
	free(s->id);
	free(s);
}

static void
free_tenant(void *p)
{
	struct tenant *t = p;

	free_snapshot(t->open);
	free_snapshot(t->whole);
	if (t->stream != NULL)
		pipeline_release(t->stream);
	free(t->stream);
	buf_release(&t->passed);
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
	strmap_release(&in->tenants, free_tenant);
	strmap_release(&in->texts, free);
	scan_release(&in->scan);
}

static struct tenant *
get_tenant(struct intake *in, struct text name)
{
	struct tenant *t = in->last;
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
	in->last = *slot;
	return *slot;
}

static bool
is_snapshot(const struct snapshot *s, struct text id)
{
	return s != NULL && text_is(id, s->id);
}

/* Tells of a snapshot once; its other lines are passed over. */
static void
fail(struct intake *in, struct tenant *t, struct text id, const char *reason)
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
fail_open(struct intake *in, struct tenant *t, const char *reason)
{
	struct text id = { t->open->id, strlen(t->open->id) };

	fail(in, t, id, reason);
	free_snapshot(t->open);
	t->open = NULL;
}

/* The markers of a part. */
static bool
is_spread(const struct record *r)
{
	return r->bucket != RECORD_NO_NUMBER;
}

/* Where the last line is. */
static const char *
where(struct intake *in)
{
	return in->from->where(in->from->ctx, in->scan.line);
}

/* A snapshot begins, and whatever was open is cut. */
static struct snapshot *
open_snapshot(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;
	struct snapshot *s;

	if (t->open != NULL) {
		buf_addf(&reason, "is cut: another one begins at %s" UNUSED,
		    where(in));
		fail_open(in, t, buf_str(&reason));
		buf_release(&reason);
	}
	(void)strmap_delete(&t->failed, r->snapshot.p, r->snapshot.len);
	s = xcalloc(1, sizeof *s);
	s->id = text_dup(r->snapshot);
	s->at = r->at;
	s->end_at = r->at;
	s->parts_n = is_spread(r) ? BUCKET_PARTS : 1;
	s->parts = xcalloc(s->parts_n, sizeof *s->parts);
	pipeline_init(&s->pipeline, in->setup, r->tenant, false, r->at, 0);
	s->pipeline.model.text_of = in->text_of;
	t->open = s;
	return s;
}

static void
begin(struct intake *in, struct tenant *t, unsigned part)
{
	const struct record *r = &in->record;
	struct snapshot *s = t->open;

	if (!is_snapshot(s, r->snapshot) || part >= s->parts_n ||
	    s->parts[part].begun)
		s = open_snapshot(in, t);
	s->parts[part].begun = true;
}

/* The snapshot is whole: of two the newer counts, of two as old the later. */
static void
finish(struct tenant *t)
{
	struct snapshot *s = t->open;

	t->open = NULL;
	if (s->replay.n > 0)
		replay_log_add_snapshot(&t->replay, &s->replay, s->at);
	if (t->whole != NULL && t->whole->at > s->at) {
		log_info("snapshot_older", "tenant=%s snapshot=%s newer=%s",
		    t->name, s->id, t->whole->id);
		free_snapshot(s);
		return;
	}
	free_snapshot(t->whole);
	t->whole = s;
}

static bool
is_part_whole(const struct snapshot_part *p)
{
	return p->ended && p->lines == p->records;
}

/* How many parts of it are; of those that are needed. */
static size_t
count_whole(const struct intake *in, const struct snapshot *s, size_t *needed)
{
	size_t i, n = 0;

	*needed = 0;
	for (i = 0; i < s->parts_n; i++) {
		if (in->wanted != NULL &&
		    !bucket_set_has(in->wanted, (unsigned)i))
			continue;
		*needed += 1;
		n += is_part_whole(&s->parts[i]);
	}
	return n;
}

/* Looks only when a part just became whole. */
static void
finish_if_whole(
    const struct intake *in, struct tenant *t, const struct snapshot_part *p)
{
	size_t needed;

	if (is_part_whole(p) && count_whole(in, t->open, &needed) == needed)
		finish(t);
}

static void
end(struct intake *in, struct tenant *t, unsigned part)
{
	const struct record *r = &in->record;
	struct snapshot_part *p = NULL;
	struct buf reason = BUF_INIT;

	if (is_snapshot(t->open, r->snapshot) && part < t->open->parts_n)
		p = &t->open->parts[part];
	if (p == NULL || !p->begun) {
		buf_addf(
		    &reason, "ends at %s and never began" UNUSED, where(in));
		fail(in, t, r->snapshot, buf_str(&reason));
	} else if (p->lines != (uint64_t)r->records &&
		   (!in->unordered || p->lines > (uint64_t)r->records)) {
		buf_addf(&reason,
		    "is not whole: %" PRIu64 " records came, its end marker "
		    "at %s says %" PRId64 UNUSED,
		    p->lines, where(in), r->records);
		fail_open(in, t, buf_str(&reason));
	} else {
		p->ended = true;
		p->records = (uint64_t)r->records;
		if (r->at != CLOCK_NONE)
			t->open->end_at = r->at;
		finish_if_whole(in, t, p);
	}
	buf_release(&reason);
}

/* It may be passed on. */
static void
keep_passed(struct intake *in, struct buf *to)
{
	const struct record *r = &in->record;

	if (in->passes != NULL && in->passes(in->passes_ctx, r))
		pass_through_add(to, r, in->scan.line, in->scan.len);
}

static void
add_to_stream(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;

	if (r->type == RECORD_UNKNOWN || r->type == RECORD_ROW)
		return;
	if (t->stream == NULL) {
		t->stream = xcalloc(1, sizeof *t->stream);
		pipeline_init(
		    t->stream, in->setup, r->tenant, true, CLOCK_NONE, 0);
		t->stream->model.text_of = in->text_of;
	}
	keep_passed(in, &t->passed);
	if (in->setup->selection->allocation)
		replay_log_add(&t->replay, &in->texts, r, CLOCK_NONE);
	(void)pipeline_add(t->stream, r);
}

/* One more line of the tenant's open snapshot. */
static void
count_line(const struct intake *in, struct tenant *t, unsigned part)
{
	struct snapshot_part *p = &t->open->parts[part];

	p->lines++;
	finish_if_whole(in, t, p);
}

static void
add_to_snapshot(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;
	unsigned part = 0;

	if (is_snapshot(t->open, r->snapshot)) {
		if (t->open->parts_n > 1)
			part = bucket_of_record(r);
		in->last_part = part;
		if (t->open->parts[part].begun) {
			keep_passed(in, &t->open->passed);
			if (in->setup->selection->allocation)
				replay_log_add(&t->open->replay, &in->texts, r,
				    t->open->at);
			(void)pipeline_add(&t->open->pipeline, r);
			count_line(in, t, part);
			return;
		}
	}
	if (is_snapshot(t->whole, r->snapshot))
		buf_addf(&reason,
		    "goes on behind its end marker at %s, which is not used",
		    where(in));
	else
		buf_addf(&reason, "has a record before it begins at %s" UNUSED,
		    where(in));
	fail(in, t, r->snapshot, buf_str(&reason));
	buf_release(&reason);
}

struct text
intake_peek(const struct flat *f, const char *key)
{
	const struct flat_field *v = flat_find(f, key);
	struct text t = { NULL, 0 };

	if (v != NULL && v->val_len > 0 &&
	    (v->kind == FLAT_STRING || v->kind == FLAT_NUMBER)) {
		t.p = v->val;
		t.len = v->val_len;
	}
	return t;
}

/* A line without a readable tenant belongs to the snapshot of the line before
 * it, else to the only one that is open. */
static struct tenant *
guess_tenant(const struct intake *in)
{
	struct tenant *t, *only = NULL;
	const struct strmap_entry *e;
	size_t i = 0;

	if (in->last != NULL && in->last->open != NULL)
		return in->last;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->open != NULL && only != NULL)
			return NULL;
		if (t->open != NULL)
			only = t;
	}
	return only;
}

/* Of a snapshot in parts only the line before can tell which. */
static void
count_unreadable(struct intake *in)
{
	struct tenant *t = guess_tenant(in);
	unsigned part = 0;

	if (t == NULL)
		return;
	if (t->open->parts_n > 1) {
		part = in->last_part;
		if (t != in->last ||
		    (in->wanted != NULL && !bucket_set_has(in->wanted, part)))
			return;
	}
	count_line(in, t, part);
}

void
intake_add_unread(struct intake *in)
{
	in->lines++;
	count_unreadable(in);
}

/* A bad line is one line of the snapshot it names. */
static void
count_bad(struct intake *in, bool readable)
{
	struct text tenant, snapshot;
	unsigned part = 0;
	struct tenant *t;

	if (!readable) {
		count_unreadable(in);
		return;
	}
	tenant = intake_peek(&in->scan.flat, "tenant");
	snapshot = intake_peek(&in->scan.flat, "snapshot");
	if (tenant.p == NULL || snapshot.p == NULL)
		return;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	if (t == NULL || !is_snapshot(t->open, snapshot))
		return;
	if (t->open->parts_n > 1)
		part = bucket_of_flat(&in->scan.flat);
	if (in->wanted == NULL || bucket_set_has(in->wanted, part))
		count_line(in, t, part);
}

/* A line of a part that nobody wants; its part may be asked for. */
static bool
is_unwanted(struct intake *in)
{
	if (in->wanted == NULL || in->record.snapshot.p == NULL)
		return false;
	in->last_part = bucket_of_record(&in->record);
	return !bucket_set_has(in->wanted, in->last_part);
}

static void
add_marker(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;
	unsigned part = is_spread(r) ? (unsigned)r->bucket : 0;

	in->last_part = part;
	if (r->state == SNAPSHOT_BEGIN)
		begin(in, t, part);
	else
		end(in, t, part);
}

/* One record that could be read. */
static void
add_record(struct intake *in)
{
	struct record *r = &in->record;
	struct tenant *t;

	if (r->type == RECORD_UNKNOWN) {
		r->tenant = intake_peek(r->flat, "tenant");
		r->snapshot = intake_peek(r->flat, "snapshot");
		if (r->tenant.p == NULL)
			return;
	}
	t = get_tenant(in, r->tenant);
	if (is_unwanted(in))
		return;
	if (r->type == RECORD_SNAPSHOT)
		add_marker(in, t);
	else if (r->snapshot.p != NULL)
		add_to_snapshot(in, t);
	else
		add_to_stream(in, t);
}

/* What the reader said of a line. */
static void
take(struct intake *in, int rc)
{
	struct scan *s = &in->scan;

	in->lines++;
	if (rc == 1) {
		add_record(in);
		return;
	}
	count_bad(in, s->flat.n > 0);
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
		take(in, rc);
}

void
intake_add(struct intake *in, const char *line, size_t len,
    const struct intake_source *from)
{
	struct scan *s = &in->scan;

	in->from = from;
	flat_drop_copies(&s->flat);
	s->line = line;
	s->len = len;
	take(in, record_parse(&in->record, &s->flat, line, len, &s->why) == 0
		     ? 1
		     : -1);
}

/* Tells of an open one that nothing more will come of it. */
static void
fail_at_end(struct intake *in, struct tenant *t, bool cut)
{
	struct buf reason = BUF_INIT;
	size_t needed, whole = count_whole(in, t->open, &needed);

	if (cut)
		buf_addf(&reason, "is cut: the input ends inside line %" PRIu64,
		    in->lines + 1);
	else if (t->open->parts_n > 1)
		buf_addf(&reason,
		    "is not whole: the input ends after line %" PRIu64
		    ", and of its %zu parts there are %zu" UNUSED,
		    in->lines, needed, whole);
	else
		buf_addf(&reason,
		    "is cut: the input ends after line %" PRIu64
		    ", before its end marker" UNUSED,
		    in->lines);
	fail_open(in, t, buf_str(&reason));
	buf_release(&reason);
}

void
intake_end(struct intake *in, bool cut)
{
	struct strmap_entry *e;
	uint64_t before = in->failed;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		struct tenant *t = e->value;

		if (t->open != NULL)
			fail_at_end(in, t, cut);
	}
	if (cut && in->failed == before)
		log_error("the input is cut: it ends inside line %" PRIu64
			  ", which is not used",
		    in->lines + 1);
}

static int
compare_tenants(const void *a, const void *b)
{
	return strcmp((*(struct tenant *const *)a)->name,
	    (*(struct tenant *const *)b)->name);
}

struct tenant **
intake_tenants(const struct intake *in, size_t *n)
{
	struct tenant **list = xcalloc(in->tenants.live + 1, sizeof *list);
	struct strmap_entry *e;
	size_t i = 0;

	*n = 0;
	while ((e = strmap_next(&in->tenants, &i)) != NULL)
		list[(*n)++] = e->value;
	if (*n > 1)
		qsort(list, *n, sizeof(struct tenant *), compare_tenants);
	return list;
}
