/*
 * intake: see intake.h.
 */
#include "aggregator/intake.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "aggregator/hash.h"

/* What becomes of a snapshot that is not whole. */
#define UNUSED "; nothing of it is used"

static void
free_snapshot(struct snapshot *s)
{
	if (s == NULL)
		return;
	drive_release(&s->drive);
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
		drive_release(t->stream);
	free(t->stream);
	strmap_release(&t->failed, NULL);
	free(t->name);
	free(t);
}

void
intake_init(
    struct intake *in, const struct drive_setup *setup, const char *text_of)
{
	memset(in, 0, sizeof *in);
	in->setup = setup;
	in->text_of = text_of;
	scan_init(&in->scan);
	in->scan.skips_text =
	    text_of == NULL && !choice_needs_text(setup->choice);
}

void
intake_release(struct intake *in)
{
	strmap_release(&in->tenants, free_tenant);
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

/* Where the last line is. */
static const char *
where(struct intake *in)
{
	return in->from->where(in->from->ctx, in->scan.line);
}

static void
begin(struct intake *in, struct tenant *t)
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
	drive_init(&s->drive, in->setup, r->tenant, false, r->at, 0);
	s->drive.model.text_of = in->text_of;
	t->open = s;
}

/* The snapshot is whole: of two the newer counts, of two as old the later. */
static void
finish(struct tenant *t)
{
	struct snapshot *s = t->open;

	t->open = NULL;
	if (t->whole != NULL && t->whole->at > s->at) {
		log_info("snapshot_older", "tenant=%s snapshot=%s newer=%s",
		    t->name, s->id, t->whole->id);
		free_snapshot(s);
		return;
	}
	free_snapshot(t->whole);
	t->whole = s;
}

static void
end(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;

	if (!is_snapshot(t->open, r->snapshot)) {
		buf_addf(
		    &reason, "ends at %s and never began" UNUSED, where(in));
		fail(in, t, r->snapshot, buf_str(&reason));
	} else if (in->unordered && t->open->lines < (uint64_t)r->records) {
		t->open->ended = true;
		t->open->records = (uint64_t)r->records;
		if (r->at != CLOCK_NONE)
			t->open->end_at = r->at;
	} else if (t->open->lines != (uint64_t)r->records) {
		buf_addf(&reason,
		    "is not whole: %" PRIu64 " records came, its end marker "
		    "at %s says %" PRId64 UNUSED,
		    t->open->lines, where(in), r->records);
		fail_open(in, t, buf_str(&reason));
	} else {
		if (r->at != CLOCK_NONE)
			t->open->end_at = r->at;
		finish(t);
	}
	buf_release(&reason);
}

static void
add_to_stream(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;

	if (r->type == RECORD_UNKNOWN || r->type == RECORD_ROW)
		return;
	if (t->stream == NULL) {
		t->stream = xcalloc(1, sizeof *t->stream);
		drive_init(
		    t->stream, in->setup, r->tenant, true, CLOCK_NONE, 0);
		t->stream->model.text_of = in->text_of;
	}
	(void)drive_add(t->stream, r);
}

/* One more line of the tenant's open snapshot. */
static void
count_line(struct tenant *t)
{
	t->open->lines++;
	if (t->open->ended && t->open->lines == t->open->records)
		finish(t);
}

static void
add_to_snapshot(struct intake *in, struct tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;

	if (is_snapshot(t->open, r->snapshot)) {
		(void)drive_add(&t->open->drive, r);
		count_line(t);
		return;
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

void
intake_add_unread(struct intake *in)
{
	struct tenant *t = guess_tenant(in);

	in->lines++;
	if (t != NULL)
		count_line(t);
}

/* A bad line is one line of the snapshot it names. */
static void
count_bad(struct intake *in, bool readable)
{
	struct text tenant, snapshot;
	struct tenant *t;

	if (!readable) {
		t = guess_tenant(in);
		if (t != NULL)
			count_line(t);
		return;
	}
	tenant = intake_peek(&in->scan.flat, "tenant");
	snapshot = intake_peek(&in->scan.flat, "snapshot");
	if (tenant.p == NULL || snapshot.p == NULL)
		return;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	if (t != NULL && is_snapshot(t->open, snapshot))
		count_line(t);
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
	if (r->type == RECORD_SNAPSHOT && r->state == SNAPSHOT_BEGIN)
		begin(in, t);
	else if (r->type == RECORD_SNAPSHOT)
		end(in, t);
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
	flat_forget(&s->flat);
	s->line = line;
	s->len = len;
	take(in, record_parse(&in->record, &s->flat, line, len, &s->why) == 0
		     ? 1
		     : -1);
}

void
intake_end(struct intake *in, bool cut)
{
	struct strmap_entry *e;
	struct buf reason = BUF_INIT;
	uint64_t before = in->failed;
	size_t i = 0;

	if (cut)
		buf_addf(&reason, "is cut: the input ends inside line %" PRIu64,
		    in->lines + 1);
	else
		buf_addf(&reason,
		    "is cut: the input ends after line %" PRIu64
		    ", before its end marker" UNUSED,
		    in->lines);
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		struct tenant *t = e->value;

		if (t->open != NULL)
			fail_open(in, t, buf_str(&reason));
	}
	if (cut && in->failed == before)
		log_error("the input is cut: it ends inside line %" PRIu64
			  ", which is not used",
		    in->lines + 1);
	buf_release(&reason);
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
