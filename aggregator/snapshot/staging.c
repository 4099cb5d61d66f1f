/*
 * staging: decides where each line goes: to the snapshot that is open, to a new
 * one, to the dead letters, or nowhere. staging_impl.h lists the other files.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

/* What stands in the spool for a line that could not be read: its number. */
#define UNREAD_LINE "unread %" PRIu64

/* A line as it came over the queue. */
struct incoming_line {
	const char *p;
	size_t len;
	bool unread; /* p is UNREAD_LINE */
};

/* Adds the line to its snapshot. False: it is there already. */
static bool
append_staged_line(struct staging_tenant *t, const struct incoming_line *l)
{
	if (!staging_is_new_line(t, l->p, l->len))
		return false;
	buf_add(&t->pending, l->p, l->len);
	buf_addc(&t->pending, '\n');
	return true;
}

/* Of a snapshot in parts: how many are missing, and the likely reason. */
static void
log_missing_parts(const struct staging *in, const struct staging_tenant *t)
{
	size_t whole = staging_count_whole_parts(t), begun = 0, done = 0, i;

	for (i = 0; i < BUCKET_PARTS; i++) {
		begun += t->parts[i].begun;
		done += t->parts[i].done;
	}
	if (in->by_part)
		log_error("snapshot '%s' of tenant '%s' is not whole: %zu of "
			  "its parts are cut, and nothing of them is used",
		    t->id, t->name, begun - done - whole);
	else
		log_error(
		    "snapshot '%s' of tenant '%s' came through an "
		    "exchange and is not whole: %zu of its %d parts "
		    "came, so nothing of it is used; anyone who reads one "
		    "of several queues needs --every 50ms",
		    t->id, t->name, whole, BUCKET_PARTS);
}

static void
log_unfinished(struct staging *in, struct staging_tenant *t)
{
	const struct staging_part *p = &t->parts[STAGING_WHOLE];

	if (t->in_parts)
		log_missing_parts(in, t);
	else if (p->records >= 0)
		log_error("snapshot '%s' of tenant '%s' is not whole: %" PRIu64
			  " of %" PRId64
			  " records came before another one began; nothing "
			  "of it is used",
		    t->id, t->name, p->lines, p->records);
	else
		log_error("snapshot '%s' of tenant '%s' is cut: another one "
			  "began before its end; nothing of it is used",
		    t->id, t->name);
	in->failed++;
}

/* The dead letter must be safe before the snapshot is recorded as ignored:
 * nothing of it is refused then. */
static enum outcome
refuse_snapshot(
    struct staging *in, const struct incoming_line *l, const char *why)
{
	enum outcome o = OUTCOME_DONE;

	if (!in->refused)
		o = in->refuse(in->ctx, l->p, l->len, why);
	in->refused = o == OUTCOME_DONE;
	if (o == OUTCOME_DONE)
		o = in->confirm(in->ctx);
	if (o != OUTCOME_DONE)
		return o;
	in->refused = false;
	in->ahead++;
	return OUTCOME_DONE;
}

/* Ignores the snapshot that the marker begins, from now on, if a newer one came
 * before or it begins in the future. */
static enum outcome
ignore_unless_wanted(struct staging *in, struct staging_tenant *t,
    const struct incoming_line *l, bool *ignored)
{
	const struct record *r = &in->record;
	const char *ahead = future_refuses(in->setup->future, &in->record);
	enum outcome o = OUTCOME_DONE;

	*ignored = r->at < t->done_at || (t->id != NULL && r->at < t->at);
	if (*ignored) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than one "
			 "that came before it; it is ignored",
		    TEXT_ARG(r->snapshot), t->name);
	} else if (in->refused || ahead != NULL) {
		*ignored = true;
		o = refuse_snapshot(in, l, ahead);
	}
	if (*ignored && o == OUTCOME_DONE)
		o = staging_record_ignored(in, t, r->snapshot);
	return o;
}

/* Drops the unfinished snapshot, if there is one: another one begins. */
static enum outcome
drop_open_snapshot(struct staging *in, struct staging_tenant *t)
{
	enum outcome o = OUTCOME_DONE;

	if (t->id == NULL)
		return o;
	log_unfinished(in, t);
	o = staging_record_ignored(
	    in, t, (struct text){ t->id, strlen(t->id) });
	if (o == OUTCOME_DONE)
		o = staging_remove_spool(in, t);
	if (o == OUTCOME_DONE)
		staging_clear_snapshot(t);
	return o;
}

/* In place of an unfinished one. */
static enum outcome
begin_staged_snapshot(
    struct staging *in, struct staging_tenant *t, const struct incoming_line *l)
{
	enum outcome o = drop_open_snapshot(in, t);

	if (o != OUTCOME_DONE)
		return o;
	staging_clear_snapshot(t);
	t->id = text_dup(in->record.snapshot);
	t->at = in->record.at;
	staging_begin_part(t, in->last_part);
	(void)append_staged_line(t, l);
	return OUTCOME_DONE;
}

static enum outcome
add_begin_marker(
    struct staging *in, struct staging_tenant *t, const struct incoming_line *l)
{
	const struct record *r = &in->record;
	bool same = t->id != NULL && text_is(r->snapshot, t->id), ignored;
	unsigned part = in->last_part;
	enum outcome o;

	if (same && staging_has_line(t, l->p, l->len))
		return OUTCOME_DONE;
	/* One more part of the open snapshot. */
	if (same && t->in_parts && part != STAGING_WHOLE &&
	    !t->parts[part].begun && !staging_is_done(t, r->snapshot, part)) {
		staging_begin_part(t, part);
		(void)append_staged_line(t, l);
		return OUTCOME_DONE;
	}
	if (staging_is_ready(in, t)) {
		o = staging_flush(in);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (staging_is_done(t, r->snapshot, part))
		return OUTCOME_DONE;
	o = ignore_unless_wanted(in, t, l, &ignored);
	return o == OUTCOME_DONE && !ignored ? begin_staged_snapshot(in, t, l)
					     : o;
}

/* A line of a part that began, of the open snapshot. end: its end marker, or
 * NULL. */
static enum outcome
add_snapshot_line(struct staging *in, struct staging_tenant *t,
    const struct incoming_line *l, const struct record *end)
{
	struct staging_part *p = &t->parts[in->last_part];

	if (p->done || !append_staged_line(t, l))
		return OUTCOME_DONE;
	if (end != NULL)
		p->records = end->records;
	else
		p->lines++;
	in->unpublished = in->unpublished || staging_is_part_whole(p);
	return OUTCOME_DONE;
}

/* The tenant whose open snapshot a bad line names; sets in->last_part as well.
 * NULL: it names none. */
static struct staging_tenant *
find_named_owner(struct staging *in)
{
	struct text tenant = intake_peek(&in->flat, "tenant");
	struct text snapshot = intake_peek(&in->flat, "snapshot");
	struct staging_tenant *t;

	if (tenant.p == NULL || snapshot.p == NULL)
		return NULL;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	if (t == NULL || t->id == NULL || !text_is(snapshot, t->id))
		return NULL;
	in->last_part = t->in_parts ? bucket_of_flat(&in->flat) : STAGING_WHOLE;
	return t;
}

/* No bad line can belong to that part: it has ended, or none is open. */
static bool
is_part_over(const struct staging_tenant *t, unsigned part)
{
	return t->id == NULL || t->parts[part].records >= 0;
}

/* The same of a bad line that names nothing: nobody's behind one outside of
 * snapshots, else the tenant of the line before it, else the only one with an
 * open snapshot, if that is not in parts. */
static struct staging_tenant *
guess_line_owner(struct staging *in)
{
	struct staging_tenant *t, *only = NULL;
	const struct strmap_entry *e;
	size_t i = 0;

	if (in->outside)
		return NULL;
	if (in->last != NULL && !is_part_over(in->last, in->last_part))
		return in->last;
	in->last_part = STAGING_WHOLE;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (is_part_over(t, STAGING_WHOLE))
			continue;
		if (only != NULL)
			return NULL;
		only = t;
	}
	return only != NULL && !only->in_parts ? only : NULL;
}

static enum outcome
stage_bad_line(
    struct staging *in, const struct incoming_line *l, const char *why)
{
	struct staging_tenant *t =
	    in->flat.n > 0 ? find_named_owner(in) : guess_line_owner(in);
	enum outcome o;

	if (t != NULL && staging_has_line(t, l->p, l->len))
		return OUTCOME_DONE;
	o = in->refuse(
	    in->ctx, l->unread ? NULL : l->p, l->unread ? 0 : l->len, why);
	if (o != OUTCOME_DONE || t == NULL || !t->parts[in->last_part].begun)
		return o;
	return add_snapshot_line(in, t, l, NULL);
}

/* A line of the open snapshot that is of the future counts as a bad one. */
static enum outcome
refuse_ahead(struct staging *in, const struct staging_tenant *t,
    const struct incoming_line *l)
{
	const char *why = future_refuses(in->setup->future, &in->record);
	enum outcome o;

	if (why == NULL || staging_has_line(t, l->p, l->len))
		return OUTCOME_DONE;
	o = in->refuse(in->ctx, l->p, l->len, why);
	in->ahead += o == OUTCOME_DONE;
	return o;
}

/* A record outside of any snapshot, while only snapshots are wanted. */
static enum outcome
refuse_stream_record(struct staging *in, const struct incoming_line *l)
{
	if (!in->warned_every)
		log_warn("records come that are outside a snapshot, and "
			 "without --every they all become dead letters; for "
			 "a stream's rows give --every 50ms");
	in->warned_every = true;
	return in->refuse(in->ctx, l->p, l->len,
	    "it is outside a snapshot, and without --every this aggregator "
	    "makes rows of snapshots only; for a stream give --every 50ms");
}

/* The part of its snapshot that the record belongs to. */
static unsigned
staged_part_of(const struct staging_tenant *t, const struct record *r)
{
	if (r->type == RECORD_SNAPSHOT)
		return r->bucket != RECORD_NO_NUMBER ? (unsigned)r->bucket
						     : STAGING_WHOLE;
	if (t->id != NULL && !t->in_parts && text_is(r->snapshot, t->id))
		return STAGING_WHOLE;
	return bucket_of_record(r);
}

static enum outcome
stage_record(struct staging *in, const struct incoming_line *l)
{
	const struct record *r = &in->record;
	struct staging_tenant *t;
	bool marker = r->type == RECORD_SNAPSHOT;
	enum outcome o;

	if (r->snapshot.p == NULL)
		return refuse_stream_record(in, l);
	t = staging_tenant(in, r->tenant.p, r->tenant.len);
	in->last = t;
	in->outside = false;
	in->last_part = staged_part_of(t, r);
	if (marker && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(in, t, l);
	if (t->id != NULL && text_is(r->snapshot, t->id) &&
	    t->parts[in->last_part].begun) {
		o = refuse_ahead(in, t, l);
		return o == OUTCOME_DONE
			   ? add_snapshot_line(in, t, l, marker ? r : NULL)
			   : o;
	}
	if (staging_is_done(t, r->snapshot, in->last_part))
		return OUTCOME_DONE;
	return in->refuse(in->ctx, l->p, l->len, "its snapshot did not begin");
}

enum outcome
staging_add(struct staging *in, const char *line, size_t len)
{
	const struct incoming_line l = { line, len, false };
	struct record *r = &in->record;
	struct buf why = BUF_INIT;
	enum outcome o;

	in->flat.n = 0;
	if (record_parse(r, &in->flat, line, len, &why) == -1) {
		o = stage_bad_line(in, &l, buf_str(&why));
		buf_release(&why);
		return o;
	}
	if (r->type == RECORD_ROW)
		return in->refuse(in->ctx, line, len, INTAKE_NO_ROW);
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = intake_peek(&in->flat, "tenant");
		r->snapshot = intake_peek(&in->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return stage_record(in, &l);
}

enum outcome
staging_add_unread(struct staging *in, const char *why, uint64_t number)
{
	char text[sizeof UNREAD_LINE + 20];
	struct incoming_line l = { text, 0, true };

	l.len = (size_t)snprintf(text, sizeof text, UNREAD_LINE, number);
	in->flat.n = 0;
	return stage_bad_line(in, &l, why);
}

void
staging_outside(struct staging *in)
{
	in->outside = true;
}

enum outcome
staging_forget(struct staging *in, struct text tenant)
{
	struct staging_tenant *t =
	    strmap_get(&in->tenants, tenant.p, tenant.len);
	enum outcome o;

	if (t == NULL || t->id == NULL)
		return OUTCOME_DONE;
	o = staging_record_ignored(
	    in, t, (struct text){ t->id, strlen(t->id) });
	if (o == OUTCOME_DONE)
		o = staging_remove_spool(in, t);
	if (o != OUTCOME_DONE)
		return o;
	log_warn("snapshot '%s' of tenant '%s' is ignored: a customer was "
		 "forgotten while it came",
	    t->id, t->name);
	staging_clear_snapshot(t);
	return OUTCOME_DONE;
}

bool
staging_has_unpublished(const struct staging *in, struct text tenant)
{
	const struct staging_tenant *t;

	if (!in->unpublished)
		return false;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	return t != NULL && staging_is_ready(in, t);
}

static bool
is_snapshot_incomplete(const struct staging *in, const struct staging_tenant *t)
{
	const struct staging_part *p;
	size_t i;

	for (i = 0; t->id != NULL && i < ARRAY_LEN(t->parts); i++) {
		p = &t->parts[i];
		if (p->begun && !p->done && p->records >= 0 &&
		    (!staging_is_part_whole(p) ||
			(t->in_parts && !in->by_part)))
			return true;
	}
	return false;
}

size_t
staging_report_incomplete(const struct staging *in)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0, spread = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		const struct staging_tenant *t = e->value;

		if (!is_snapshot_incomplete(in, t))
			continue;
		n++;
		if (t->in_parts && !in->by_part) {
			log_missing_parts(in, t);
			spread++;
		}
	}
	if (n > spread)
		log_error("%zu snapshots have their end and not all their "
			  "records; the next ones replace them",
		    n - spread);
	return n;
}
