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

#include "aggregator/tenant/intake_snapshot.h"

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
	strmap_release(&in->tenants, free_intake_tenant);
	strmap_release(&in->texts, free);
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

static struct intake_tenant *
get_tenant(struct intake *in, struct text name)
{
	if (!is_named(in->last, name))
		in->last = get_other_tenant(in, name);
	return in->last;
}

/* Keeps the line if it is to be passed through. */
static void
keep_passed(struct intake *in, struct buf *to)
{
	struct record *r = &in->record;
	int64_t at = r->at;

	if (in->passes == NULL || !in->passes(in->passes_ctx, r))
		return;
	if (r->at == at)
		pass_through_add(to, r, in->scan.line, in->scan.len);
	else
		pass_through_add_at(to, in->scan.line, in->scan.len, r->at);
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
	const struct record *r = &in->record;

	if (r->type == RECORD_UNKNOWN || refuses_future(in))
		return;
	if (t->stream == NULL)
		open_tenant_stream(in, t);
	keep_passed(in, &t->pass_through);
	if (in->setup->selection->allocation)
		replay_log_add(&t->replay, &in->texts, r, CLOCK_NONE);
	(void)pipeline_add(t->stream, r);
}

/* A chat without a time is as of when the CRM was asked: the snapshot has it,
 * whatever said before that it had left. The record is as before in the end,
 * since what is scanned next clears only what it has set itself. */
static void
keep_of_snapshot(struct intake *in, struct snapshot *s)
{
	struct record *r = &in->record;
	bool undated = r->type == RECORD_CHAT && r->at == CLOCK_NONE;

	if (undated)
		r->at = s->at;
	if (!refuses_future(in)) {
		keep_passed(in, &s->pass_through);
		if (in->setup->selection->allocation)
			replay_log_add(&s->replay, &in->texts, r, s->at);
		(void)pipeline_add(&s->pipeline, r);
	}
	if (undated)
		r->at = CLOCK_NONE;
}

static void
add_to_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	unsigned part = 0;

	if (snapshot_is(t->open, r->snapshot)) {
		if (t->open->parts_n > 1)
			part = bucket_of_record(r);
		in->last_part = part;
		if (t->open->parts[part].begun) {
			keep_of_snapshot(in, t->open);
			snapshot_count_line(in, t, part);
			return;
		}
	}
	snapshot_fail_outside(in, t);
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
static struct intake_tenant *
guess_tenant(const struct intake *in)
{
	struct intake_tenant *t, *only = NULL;
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

/* Of a snapshot in parts the line counts for the part of the line before. */
static void
count_unreadable(struct intake *in)
{
	struct intake_tenant *t = guess_tenant(in);
	unsigned part = 0;

	if (t == NULL)
		return;
	if (t->open->parts_n > 1) {
		part = in->last_part;
		if (t != in->last ||
		    (in->wanted != NULL && !bucket_set_has(in->wanted, part)))
			return;
	}
	snapshot_count_line(in, t, part);
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
	struct intake_tenant *t;

	if (!readable) {
		count_unreadable(in);
		return;
	}
	tenant = intake_peek(&in->scan.flat, "tenant");
	snapshot = intake_peek(&in->scan.flat, "snapshot");
	if (tenant.p == NULL || snapshot.p == NULL)
		return;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	if (t == NULL || !snapshot_is(t->open, snapshot))
		return;
	if (t->open->parts_n > 1)
		part = bucket_of_flat(&in->scan.flat);
	if (in->wanted == NULL || bucket_set_has(in->wanted, part))
		snapshot_count_line(in, t, part);
}

/* The line belongs to a part that is not wanted; sets in->last_part. */
static bool
is_unwanted(struct intake *in)
{
	if (in->wanted == NULL || in->record.snapshot.p == NULL)
		return false;
	in->last_part = bucket_of_record(&in->record);
	return !bucket_set_has(in->wanted, in->last_part);
}

static void
apply_marker(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	unsigned part = snapshot_has_parts(r) ? (unsigned)r->bucket : 0;
	const char *ahead = future_refuses(in->setup->future, &in->record);

	in->last_part = part;
	if (ahead != NULL)
		snapshot_fail_ahead(in, t, ahead);
	else if (r->state == SNAPSHOT_BEGIN)
		snapshot_begin_part(in, t, part);
	else
		snapshot_end_part(in, t, part);
}

/* One record that could be read. */
static void
add_parsed(struct intake *in)
{
	struct record *r = &in->record;
	struct intake_tenant *t;

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
		apply_marker(in, t);
	else if (r->snapshot.p != NULL)
		add_to_snapshot(in, t);
	else
		add_to_stream(in, t);
}

/* A line was scanned: rc is 1 for a record, -1 for a bad line. */
static void
add_scanned(struct intake *in, int rc)
{
	struct scan *s = &in->scan;

	in->lines++;
	if (rc == 1 && in->record.type == RECORD_ROW) {
		in->from->bad(in->from->ctx, s->line, s->len, INTAKE_NO_ROW);
		return;
	}
	if (rc == 1) {
		add_parsed(in);
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
		add_scanned(in, rc);
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
	add_scanned(in,
	    record_parse(&in->record, &s->flat, line, len, &s->why) == 0 ? 1
									 : -1);
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
			snapshot_fail_at_end(in, t, cut);
	}
	if (cut && in->failed == before)
		log_error("the input is cut: it ends inside line %" PRIu64
			  ", which is not used",
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
	if (*n > 1)
		qsort(
		    list, *n, sizeof(struct intake_tenant *), compare_tenants);
	return list;
}
