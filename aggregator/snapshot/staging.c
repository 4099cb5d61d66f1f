/*
 * staging: decides where each line goes: to the snapshot that is open, to a new
 * one, to the dead letters, or nowhere. staging_impl.h lists the other files.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

/* What stands in the spool for a line that could not be read: another one. */
#define UNREAD_LINE "unread"

/* A line as it came over the queue. */
struct incoming_line {
	const char *p;
	size_t len;
	const struct staging_source *from;
	bool unread; /* p is UNREAD_LINE */
};

/* What comes again of a dropped snapshot was logged when that was dropped. */
static bool
is_snapshot_ignored(const struct staging_tenant *t, struct text id,
    unsigned part, const struct incoming_line *l)
{
	return staging_is_done(t, id, part) ||
	       (l->from->again && staging_is_dropped(t, id));
}

/* The line is staged already. */
static bool
is_duplicate_line(struct staging_tenant *t, const struct incoming_line *l)
{
	const struct staging_source *from = l->from;
	const uint64_t *last;

	if (from->id == NULL)
		return from->again &&
		       staging_repeats_again(&t->lines, from->connection,
			   staging_line_hash(l->p, l->len));
	if (t->message_id != NULL && strcmp(t->message_id, from->id) == 0 &&
	    from->number <= t->message_line)
		return true;
	last = strmap_get(&t->last_lines, from->id, strlen(from->id));
	return last != NULL && from->number <= *last;
}

/* Adds the line to those of its message. */
static void
append_staged_line(struct staging_tenant *t, const struct incoming_line *l)
{
	const char *id = l->from->id;
	bool same = id == NULL || t->message_id == NULL
			? id == t->message_id
			: strcmp(id, t->message_id) == 0;

	if (!same) {
		staging_end_message(t);
		t->message_id = id != NULL ? xstrdup(id) : NULL;
	}
	if (id == NULL)
		staging_repeats_add(&t->lines, l->from->connection,
		    staging_line_hash(l->p, l->len));
	buf_add(&t->message_lines, l->p, l->len);
	buf_addc(&t->message_lines, '\n');
	t->message_line = l->from->number;
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
		log_error("snapshot '%s' of tenant '%s' came through an "
			  "exchange and is not whole: %zu of its %d parts "
			  "came, so nothing of it is used; whoever reads one "
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
	in->untaken++;
	return OUTCOME_DONE;
}

/* Ignores the snapshot that the marker begins, from now on, if a newer one came
 * before or it is not to be taken. */
static enum outcome
ignore_unless_wanted(struct staging *in, struct staging_tenant *t,
    const struct incoming_line *l, bool *ignored)
{
	const struct record *r = &in->record;
	enum outcome o = OUTCOME_DONE;
	struct buf why = BUF_INIT;

	*ignored = r->at < t->done_at || (t->id != NULL && r->at < t->at);
	if (*ignored) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than one "
			 "that came before it; it is ignored",
		    TEXT_ARG(r->snapshot), t->name);
	} else if (in->refused ||
		   (in->takes != NULL && !in->takes(in->ctx, r, &why))) {
		*ignored = true;
		o = refuse_snapshot(in, l, buf_str(&why));
	}
	if (*ignored && o == OUTCOME_DONE)
		o = staging_record_ignored(in, t, r->snapshot);
	buf_release(&why);
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
	o = staging_record_dropped(in, t);
	if (o == OUTCOME_DONE)
		o = staging_remove_spool(in, t);
	if (o == OUTCOME_DONE)
		staging_clear_snapshot(t);
	return o;
}

/* Puts the lines that were nobody's before the begin marker: when they come
 * again, the snapshot is open, and they must not be taken for lines of it. */
static void
stage_nobodys_lines(
    struct staging *in, struct staging_tenant *t, const struct incoming_line *l)
{
	struct staging_source from = *l->from;
	struct incoming_line old = { in->nobodys.data, 0, &from, false };
	const char *end = in->nobodys.data + in->nobodys.len;

	from.id = NULL;
	for (; old.p < end; old.p += old.len + 1) {
		old.len = (size_t)((const char *)memchr(
				       old.p, '\n', (size_t)(end - old.p)) -
				   old.p);
		append_staged_line(t, &old);
	}
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
	stage_nobodys_lines(in, t, l);
	append_staged_line(t, l);
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

	if (same && is_duplicate_line(t, l))
		return OUTCOME_DONE;
	/* One more part of the open snapshot. */
	if (same && t->in_parts && part != STAGING_WHOLE &&
	    !t->parts[part].begun &&
	    !is_snapshot_ignored(t, r->snapshot, part, l)) {
		staging_begin_part(t, part);
		append_staged_line(t, l);
		return OUTCOME_DONE;
	}
	if (staging_is_ready(in, t)) {
		o = staging_write(in);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (is_snapshot_ignored(t, r->snapshot, part, l))
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

	if (p->done || is_duplicate_line(t, l))
		return OUTCOME_DONE;
	append_staged_line(t, l);
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

	if (t != NULL && is_duplicate_line(t, l))
		return OUTCOME_DONE;
	o = in->refuse(
	    in->ctx, l->unread ? NULL : l->p, l->unread ? 0 : l->len, why);
	if (o == OUTCOME_DONE && t == NULL && in->flat.n == 0 &&
	    l->from->id == NULL) {
		buf_add(&in->nobodys, l->p, l->len);
		buf_addc(&in->nobodys, '\n');
	}
	if (o != OUTCOME_DONE || t == NULL || !t->parts[in->last_part].begun)
		return o;
	return add_snapshot_line(in, t, l, NULL);
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

	if (r->snapshot.p == NULL)
		return refuse_stream_record(in, l);
	t = staging_tenant(in, r->tenant.p, r->tenant.len);
	in->last = t;
	in->outside = false;
	in->last_part = staged_part_of(t, r);
	if (marker && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(in, t, l);
	if (t->id != NULL && text_is(r->snapshot, t->id) &&
	    t->parts[in->last_part].begun)
		return add_snapshot_line(in, t, l, marker ? r : NULL);
	if (is_snapshot_ignored(t, r->snapshot, in->last_part, l))
		return OUTCOME_DONE;
	return in->refuse(in->ctx, l->p, l->len,
	    "its snapshot did not begin, or was dropped");
}

struct staging_source
staging_source_of(const struct endpoint_delivery *d)
{
	return (
	    struct staging_source){ d->id, d->line, d->connection, d->again };
}

enum outcome
staging_add(struct staging *in, const char *line, size_t len,
    const struct staging_source *from)
{
	const struct incoming_line l = { line, len, from, false };
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
staging_add_unread(
    struct staging *in, const char *why, const struct staging_source *from)
{
	const struct incoming_line l = { UNREAD_LINE, strlen(UNREAD_LINE), from,
		true };

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
