/*
 * staging: see staging.h.
 */
#include "aggregator/input/staging.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/text/jsonw.h"

/* The ends of log lines about incomplete snapshots. */
#define UNUSED "; all of it is ignored"
#define KEPT "; the next run continues with it"

/* Applying complete parts. */

struct reading {
	struct staging *in;
	void *tenant;  /* as begin() returned it */
	bool messages; /* the other records have been read */
	bool failed;
	struct scan scan;
	struct buf piece;
};

static bool
is_read_now(const struct reading *g, const struct record *r)
{
	if (g->in->snapshots.state == NULL)
		return r->type != RECORD_UNKNOWN && r->type != RECORD_SNAPSHOT;
	return g->messages
		   ? r->type == RECORD_MESSAGE
		   : r->type == RECORD_OPERATOR || r->type == RECORD_CHAT;
}

/* Lines that were refused when they arrived are no records here. */
static bool
read_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	static const char zeros[LINES_BEHIND];
	struct reading *g = ctx;
	struct staging *in = g->in;
	struct record r;
	int rc;

	(void)key;
	(void)key_len;
	buf_clear(&g->piece);
	buf_add(&g->piece, zeros, LINES_BEFORE);
	buf_add(&g->piece, data, len);
	buf_add(&g->piece, zeros, LINES_BEHIND);
	memset(&r, 0, sizeof r);
	scan_block(&g->scan, g->piece.data + LINES_BEFORE, len);
	while (!g->failed && (rc = scan_record(&g->scan, &r)) != 0) {
		if (rc != 1 || !is_read_now(g, &r))
			continue;
		/* Only for available_at: the clock may have passed the time of
		 * a refused line, or have gone back since it was accepted. */
		(void)future_refuses(in->future, &r);
		g->failed =
		    in->add(g->tenant, &r, g->scan.line, g->scan.len) == -1;
	}
	return !g->failed;
}

/* Reads the complete parts. An incremental model needs what their messages
 * depend on before the messages, so a stream reads them twice. */
static int
read_parts(struct staging *in, struct tenant_snapshots *t, void *tenant)
{
	struct reading g = { .in = in, .tenant = tenant };
	unsigned i, pass, passes = in->snapshots.state != NULL ? 2 : 1;

	scan_init(&g.scan);
	for (pass = 0; pass < passes; pass++) {
		g.messages = pass == 1;
		for (i = 0; i < SNAPSHOT_PARTS && !g.failed; i++)
			if (snapshot_part_is_whole(&t->parts[i]))
				snapshots_read_part(
				    &in->snapshots, t, i, read_piece, &g);
	}
	scan_release(&g.scan);
	buf_release(&g.piece);
	return g.failed ? -1 : 0;
}

static int
apply_tenant(struct staging *in, struct tenant_snapshots *t)
{
	struct bucket_set parts = { .all = false };
	void *tenant;
	unsigned i;

	if (!snapshots_has_whole_part(t))
		return 0;
	for (i = 0; i < SNAPSHOT_WHOLE; i++)
		if (snapshot_part_is_whole(&t->parts[i]))
			bucket_set_add(&parts, i);
	tenant = in->begin(in->ctx, text_from(t->name), t->at);
	if (read_parts(in, t, tenant) == -1)
		return -1;
	if (in->snapshots.state != NULL && state_failed(in->snapshots.state))
		return 0; /* The commit will fail, too. */
	in->end(tenant, t->id, t->in_parts ? &parts : NULL);
	FAULT_POINT("aggregator.snapshot_applied");
	snapshots_finish_parts(&in->snapshots, t);
	return 0;
}

int
staging_apply(struct staging *in)
{
	const struct strmap_entry *e;
	size_t i = 0;

	if (!in->ready)
		return 0;
	while ((e = strmap_next(&in->snapshots.tenants, &i)) != NULL)
		if (apply_tenant(in, e->value) == -1)
			return -1;
	in->ready = false;
	return 0;
}

bool
staging_is_ready(const struct staging *in, struct text tenant)
{
	const struct tenant_snapshots *t =
	    in->ready ? strmap_get(&in->snapshots.tenants, tenant.p, tenant.len)
		      : NULL;

	return t != NULL && snapshots_has_whole_part(t);
}

/* Decides where each line goes: to the open snapshot, a new one, the dead
 * letters, or nowhere. */

/* before: before which event the snapshot should have ended. kept: more of its
 * lines may arrive after that. */
static void
log_unfinished(struct staging *in, const struct tenant_snapshots *t,
    const char *before, bool kept)
{
	const struct snapshot_part *p = &t->parts[SNAPSHOT_WHOLE];
	const char *end = kept ? KEPT : UNUSED;
	size_t left = 0, i;

	for (i = 0; i < BUCKET_PARTS; i++)
		left += t->parts[i].begun && !t->parts[i].applied;
	if (t->in_parts)
		log_error("snapshot '%s' of tenant '%s' is incomplete: %zu of "
			  "its parts were truncated%s",
		    t->id, t->name, left, kept ? KEPT : " and are ignored");
	else if (p->records >= 0)
		log_error("snapshot '%s' of tenant '%s' is incomplete: %" PRIu64
			  " records arrived before %s, its end marker says "
			  "%" PRId64 "%s",
		    t->id, t->name, p->lines, before, p->records, end);
	else
		log_error("snapshot '%s' of tenant '%s' is incomplete: no end "
			  "marker arrived before %s%s",
		    t->id, t->name, before, end);
	in->failed++;
}

/* Begins a snapshot. An unfinished snapshot is then over. */
static void
begin_snapshot(struct staging *in, struct tenant_snapshots *t, struct text line,
    const struct record *r, unsigned part)
{
	if (snapshots_is_open(t, r->snapshot)) {
		log_error("snapshot '%s' of tenant '%s' is incomplete: it "
			  "began again before its end marker; what arrived "
			  "before that is ignored",
		    t->id, t->name);
		in->failed++;
	} else if (t->id != NULL) {
		log_unfinished(in, t, "another snapshot began", false);
	}
	if (t->id != NULL) {
		snapshots_ignore(&in->snapshots, t, text_from(t->id));
		snapshots_drop(&in->snapshots, t);
	}
	snapshots_begin(
	    &in->snapshots, t, r->snapshot, r->at, part != SNAPSHOT_WHOLE);
	snapshots_begin_part(&in->snapshots, t, part, line);
}

static enum outcome
refuse(struct staging *in, struct text line, const char *why)
{
	return in->refuse(in->ctx, line.p, line.len, why);
}

static void
refuse_parts(
    struct staging *in, struct tenant_snapshots *t, const struct record *r)
{
	log_error("snapshot '%.*s' of tenant '%s' is in parts, which only an "
		  "aggregator behind a queue can read" UNUSED,
	    TEXT_ARG(r->snapshot), t->name);
	snapshots_ignore(&in->snapshots, t, r->snapshot);
	in->failed++;
}

static enum outcome
add_begin_marker(struct staging *in, struct tenant_snapshots *t,
    struct text line, struct record *r, unsigned part)
{
	bool same = snapshots_is_open(t, r->snapshot);
	const char *ahead;
	enum outcome o = OUTCOME_DONE;

	if (same && snapshots_has_line(t, line))
		return OUTCOME_DONE;
	/* This is another part of the open snapshot. */
	if (same && t->in_parts && part != SNAPSHOT_WHOLE &&
	    !t->parts[part].begun &&
	    !snapshot_is_over(snapshots_find_over(t, r->snapshot), part)) {
		snapshots_begin_part(&in->snapshots, t, part, line);
		return OUTCOME_DONE;
	}
	if (apply_tenant(in, t) == -1)
		return OUTCOME_NEVER;
	if (snapshot_is_over(snapshots_find_over(t, r->snapshot), part)) {
		/* A pipe repeats a snapshot as a whole. */
		if (in->snapshots.state == NULL)
			snapshots_ignore(&in->snapshots, t, r->snapshot);
		return OUTCOME_DONE;
	}
	if (r->at < t->over_at || (t->id != NULL && r->at < t->at)) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than an "
			 "earlier one and was ignored",
		    TEXT_ARG(r->snapshot), t->name);
		snapshots_ignore(&in->snapshots, t, r->snapshot);
		return OUTCOME_DONE;
	}
	if (in->snapshots.state == NULL && r->bucket != RECORD_NO_NUMBER) {
		refuse_parts(in, t, r);
		return OUTCOME_DONE;
	}
	ahead = future_refuses(in->future, r);
	if (ahead == NULL) {
		begin_snapshot(in, t, line, r, part);
		return OUTCOME_DONE;
	}
	o = refuse(in, line, ahead);
	if (o != OUTCOME_DONE)
		return o;
	in->ahead++;
	snapshots_ignore(&in->snapshots, t, r->snapshot);
	return OUTCOME_DONE;
}

/* Adds a line to a part that has begun. end: the end marker if the line is one,
 * else NULL. */
static void
add_to_part(struct staging *in, struct tenant_snapshots *t, unsigned part,
    struct text line, const struct record *end, bool refused)
{
	struct snapshot_part *p = &t->parts[part];

	if (p->applied ||
	    !snapshots_add_line(&in->snapshots, t, part, line, refused))
		return;
	if (end != NULL)
		p->records = end->records;
	else
		p->lines++;
	in->ready = in->ready || snapshot_part_is_whole(p);
}

/* Adds a line of the open snapshot. A marker from the future counts as a bad
 * line. */
static enum outcome
add_line(struct staging *in, struct tenant_snapshots *t, struct text line,
    struct record *r, unsigned part)
{
	const char *ahead = future_refuses(in->future, r);
	enum outcome o = OUTCOME_DONE;

	if (ahead != NULL && !snapshots_has_line(t, line)) {
		o = refuse(in, line, ahead);
		in->ahead += o == OUTCOME_DONE;
	}
	if (o == OUTCOME_DONE)
		add_to_part(in, t, part, line,
		    r->type == RECORD_SNAPSHOT ? r : NULL, ahead != NULL);
	return o;
}

/* Returns the part to which a line belongs. */
static unsigned
part_of(struct staging *in, bool in_parts, struct text line)
{
	return in_parts ? bucket_of_line(&in->flat, line.p, line.len)
			: SNAPSHOT_WHOLE;
}

static enum outcome
add_record(struct staging *in, struct text line, struct record *r)
{
	struct tenant_snapshots *t =
	    snapshots_tenant(&in->snapshots, r->tenant);
	bool open = snapshots_is_open(t, r->snapshot);
	const struct snapshot_over *over =
	    open ? NULL : snapshots_find_over(t, r->snapshot);
	unsigned part;

	if (r->type == RECORD_SNAPSHOT)
		part = part_of(in, r->bucket != RECORD_NO_NUMBER, line);
	else if (open)
		part = part_of(in, t->in_parts, line);
	else
		part = part_of(in, over != NULL && over->in_parts, line);
	if (r->type == RECORD_SNAPSHOT && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(in, t, line, r, part);
	if (open && t->parts[part].begun)
		return add_line(in, t, line, r, part);
	if (open)
		over = snapshots_find_over(t, r->snapshot);
	if (!snapshot_is_over(over, part))
		return refuse(in, line, "its snapshot has no begin marker");
	if (in->snapshots.state == NULL && over->applied)
		return refuse(in, line, "its snapshot has ended");
	return OUTCOME_DONE;
}

/* Returns a field as text, from a bad record or one of an unknown type. */
static struct text
peek(const struct flat *f, const char *key)
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

/* f: the fields of the line that could be read. */
static enum outcome
add_bad_line(
    struct staging *in, struct text line, const struct flat *f, const char *why)
{
	struct text tenant = peek(f, "tenant"), snapshot = peek(f, "snapshot");
	struct tenant_snapshots *t = NULL;
	unsigned part = SNAPSHOT_WHOLE;
	enum outcome o;

	if (tenant.p != NULL && snapshot.p != NULL)
		t = strmap_get(&in->snapshots.tenants, tenant.p, tenant.len);
	if (t != NULL && !snapshots_is_open(t, snapshot))
		t = NULL;
	if (t != NULL && snapshots_has_line(t, line))
		return OUTCOME_DONE;
	if (t != NULL)
		part = part_of(in, t->in_parts, line);
	o = refuse(in, line, why);
	if (o == OUTCOME_DONE && t != NULL && t->parts[part].begun)
		add_to_part(in, t, part, line, NULL, true);
	return o;
}

enum outcome
staging_add(
    struct staging *in, const struct scan *s, int scanned, struct record *r)
{
	struct text line = { s->line, s->len };

	if (scanned == -1)
		return add_bad_line(in, line, &s->flat, buf_str(&s->why));
	if (r->type == RECORD_ROW)
		return refuse(in, line,
		    "this is a row for sink, not a record; give the records of "
		    "poller");
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = peek(r->flat, "tenant");
		r->snapshot = peek(r->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return add_record(in, line, r);
}

void
staging_forget(struct staging *in, struct text tenant)
{
	struct tenant_snapshots *t =
	    strmap_get(&in->snapshots.tenants, tenant.p, tenant.len);

	if (t == NULL || t->id == NULL)
		return;
	log_warn("snapshot '%s' of tenant '%s' is ignored: a customer was "
		 "erased while it arrived",
	    t->id, t->name);
	snapshots_ignore(&in->snapshots, t, text_from(t->id));
	snapshots_drop(&in->snapshots, t);
}

/* True if the end marker of a part has arrived, but not all of its lines. */
static bool
lacks_lines(const struct tenant_snapshots *t)
{
	const struct snapshot_part *p;

	for (p = t->parts; p < t->parts + SNAPSHOT_PARTS; p++)
		if (p->begun && !p->applied && p->records >= 0)
			return true;
	return false;
}

void
staging_report_unfinished(struct staging *in)
{
	const struct strmap_entry *e;
	const struct tenant_snapshots *t;
	bool kept = in->snapshots.state != NULL;
	size_t i = 0;

	while ((e = strmap_next(&in->snapshots.tenants, &i)) != NULL) {
		t = e->value;
		if (t->id != NULL && (!kept || lacks_lines(t)))
			log_unfinished(in, t, "the input ended", kept);
	}
}

void
staging_close(struct staging *in)
{
	snapshots_close(&in->snapshots);
	flat_release(&in->flat);
}

void
staging_strip(struct buf *to, const char *line, size_t len, int64_t at)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	const struct flat_field *x;
	struct text key;
	const char *raw;
	size_t n;

	/* The line is a record, so parsing it succeeds. */
	if (flat_parse(&f, line, len, &why) == 0) {
		jsonw_open(to);
		for (x = f.field; x < f.field + f.n; x++) {
			key = (struct text){ x->key, x->key_len };
			if (text_is(key, "snapshot"))
				continue;
			if (at != CLOCK_NONE && text_is(key, "at")) {
				jsonw_time(to, "at", at);
				continue;
			}
			raw = flat_raw(x, &n);
			jsonw_name(to, x->key, x->key_len);
			buf_add(to, raw, n);
		}
		jsonw_line(to);
	}
	flat_release(&f);
	buf_release(&why);
}
