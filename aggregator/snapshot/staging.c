/*
 * staging: see staging.h. The folder, its files and publishing are in
 * staging_store.c; here is which line goes where.
 */
#include "aggregator/snapshot/staging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

#include "aggregator/snapshot/staging_store.h"

struct staging_tenant *
staging_tenant(struct staging *in, const char *name, size_t len)
{
	void **slot = strmap_put(&in->tenants, name, len);
	struct staging_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = xstrndup(name, len);
		t->path = xasprintf("%s/%s.spool", in->dir, t->name);
		t->done_path = xasprintf("%s/%s.done", in->dir, t->name);
		t->done_at = CLOCK_NONE;
		*slot = t;
	}
	return *slot;
}

/* Forgets the unfinished snapshot in memory. */
void
staging_clear_snapshot(struct staging_tenant *t)
{
	free(t->id);
	t->id = NULL;
	t->in_parts = false;
	memset(t->parts, 0, sizeof t->parts);
	t->published = false;
	strmap_release(&t->last_lines, free);
	staging_lines_release(&t->lines);
	buf_clear(&t->pending);
	buf_clear(&t->run);
	t->run_line = 0;
	free(t->run_id);
	t->run_id = NULL;
}

void
staging_begin_part(struct staging_tenant *t, unsigned part)
{
	t->in_parts = part != STAGING_WHOLE;
	t->parts[part] = (struct staging_part){ .begun = true, .records = -1 };
}

bool
staging_is_part_whole(const struct staging_part *p)
{
	return p->begun && !p->done && p->records >= 0 &&
	       p->lines == (uint64_t)p->records;
}

/* How many parts are whole and were not published. */
static size_t
count_whole_parts(const struct staging_tenant *t)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(t->parts); i++)
		n += staging_is_part_whole(&t->parts[i]);
	return n;
}

bool
staging_is_ready(const struct staging *in, const struct staging_tenant *t)
{
	size_t n = t->id != NULL ? count_whole_parts(t) : 0;

	return n > 0 && (!t->in_parts || in->by_part || n == BUCKET_PARTS);
}

static const struct staging_done *
find_done_snapshot(const struct staging_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (text_is(id, t->done[i].id))
			return &t->done[i];
	return NULL;
}

bool
staging_is_done(const struct staging_tenant *t, struct text id, unsigned part)
{
	const struct staging_done *d = find_done_snapshot(t, id);

	if (d == NULL)
		return false;
	if (!d->in_parts)
		return !d->dropped;
	return part != STAGING_WHOLE && bucket_set_has(&d->parts, part);
}

static bool
is_snapshot_dropped(const struct staging_tenant *t, struct text id)
{
	const struct staging_done *d = find_done_snapshot(t, id);

	return d != NULL && d->dropped;
}

/* A line as it came. */
struct incoming_line {
	const char *p;
	size_t len;
	const struct staging_source *from;
};

/* What comes again of one that was dropped was told of, too. */
static bool
is_snapshot_passed_over(const struct staging_tenant *t, struct text id,
    unsigned part, const struct incoming_line *l)
{
	return staging_is_done(t, id, part) ||
	       (l->from->again && is_snapshot_dropped(t, id)) ||
	       (t->ignored != NULL && text_is(id, t->ignored));
}

/* One that is there already. */
static bool
is_duplicate_line(struct staging_tenant *t, const struct incoming_line *l)
{
	const struct staging_source *from = l->from;
	const uint64_t *last;

	if (from->id == NULL)
		return from->again &&
		       staging_lines_again(&t->lines, from->connection,
			   staging_line_hash(l->p, l->len));
	if (t->run_id != NULL && strcmp(t->run_id, from->id) == 0 &&
	    from->number <= t->run_line)
		return true;
	last = strmap_get(&t->last_lines, from->id, strlen(from->id));
	return last != NULL && from->number <= *last;
}

/* Puts the line behind the others of its message. */
static void
append_staged_line(struct staging_tenant *t, const struct incoming_line *l)
{
	const char *id = l->from->id;
	bool same = id == NULL || t->run_id == NULL
			? id == t->run_id
			: strcmp(id, t->run_id) == 0;

	if (!same) {
		staging_end_run(t);
		t->run_id = id != NULL ? xstrdup(id) : NULL;
	}
	if (id == NULL)
		staging_lines_add(&t->lines, l->from->connection,
		    staging_line_hash(l->p, l->len));
	buf_add(&t->run, l->p, l->len);
	buf_addc(&t->run, '\n');
	t->run_line = l->from->number;
}

/* Of one in parts: which are wanting, and what may be wrong with that. */
static void
log_missing_parts(const struct staging *in, const struct staging_tenant *t)
{
	size_t whole = count_whole_parts(t), begun = 0, done = 0, i;

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

/* The line shall be passed over from now on, with all others of its snapshot:
 * a newer one is known. */
static void
ignore_older_snapshot(struct staging_tenant *t, const struct record *r)
{
	log_warn("snapshot '%.*s' of tenant '%s' is older than one that came "
		 "before it; it is passed over",
	    TEXT_ARG(r->snapshot), t->name);
	free(t->ignored);
	t->ignored = text_dup(r->snapshot);
}

/* The snapshot that is open makes way for another one. */
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

static enum outcome
add_begin_marker(
    struct staging *in, struct staging_tenant *t, const struct incoming_line *l)
{
	const struct record *r = &in->record;
	bool same = t->id != NULL && text_is(r->snapshot, t->id);
	unsigned part = in->last_part;
	enum outcome o;

	if (same && is_duplicate_line(t, l))
		return OUTCOME_DONE;
	/* One more part of it. */
	if (same && t->in_parts && part != STAGING_WHOLE &&
	    !t->parts[part].begun &&
	    !is_snapshot_passed_over(t, r->snapshot, part, l)) {
		staging_begin_part(t, part);
		append_staged_line(t, l);
		return OUTCOME_DONE;
	}
	if (staging_is_ready(in, t)) {
		o = staging_flush(in);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (is_snapshot_passed_over(t, r->snapshot, part, l))
		return OUTCOME_DONE;
	if (r->at < t->done_at || (t->id != NULL && r->at < t->at)) {
		ignore_older_snapshot(t, r);
		return OUTCOME_DONE;
	}
	o = drop_open_snapshot(in, t);
	if (o != OUTCOME_DONE)
		return o;
	staging_clear_snapshot(t);
	t->id = text_dup(r->snapshot);
	t->at = r->at;
	staging_begin_part(t, part);
	append_staged_line(t, l);
	return OUTCOME_DONE;
}

/* A line of the snapshot that is open, and of a part that began. */
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

/* Whose open snapshot a bad line is one of that names it. NULL: of none. Finds
 * out its part, too. */
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

/* Nothing of that part has to be guessed to be its line: it has none, or has
 * ended. */
static bool
is_part_over(const struct staging_tenant *t, unsigned part)
{
	return t->id == NULL || t->parts[part].records >= 0;
}

/* The same of one that names nothing: of the line before it, else of the only
 * one, if that is not in parts. */
static struct staging_tenant *
guess_line_owner(struct staging *in)
{
	struct staging_tenant *t, *only = NULL;
	const struct strmap_entry *e;
	size_t i = 0;

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
	o = in->refuse(in->ctx, l->p, l->len, why);
	if (o != OUTCOME_DONE || t == NULL || !t->parts[in->last_part].begun)
		return o;
	return add_snapshot_line(in, t, l, NULL);
}

/* A record of a stream, and nobody asked for one. */
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

/* The part that the record is of: of the open snapshot, or of whichever. */
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
	in->last_part = staged_part_of(t, r);
	if (marker && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(in, t, l);
	if (t->id != NULL && text_is(r->snapshot, t->id) &&
	    t->parts[in->last_part].begun)
		return add_snapshot_line(in, t, l, marker ? r : NULL);
	if (is_snapshot_passed_over(t, r->snapshot, in->last_part, l))
		return OUTCOME_DONE;
	return in->refuse(in->ctx, l->p, l->len,
	    "its snapshot did not begin, or was given up");
}

enum outcome
staging_add(struct staging *in, const char *line, size_t len,
    const struct staging_source *from)
{
	const struct incoming_line l = { line, len, from };
	struct record *r = &in->record;
	struct buf why = BUF_INIT;
	enum outcome o;

	in->flat.n = 0;
	if (record_parse(r, &in->flat, line, len, &why) == -1) {
		o = stage_bad_line(in, &l, buf_str(&why));
		buf_release(&why);
		return o;
	}
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = intake_peek(&in->flat, "tenant");
		r->snapshot = intake_peek(&in->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return stage_record(in, &l);
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
