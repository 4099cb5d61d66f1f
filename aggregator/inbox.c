/*
 * inbox: see inbox.h. The folder, its files and publishing are in
 * inbox_store.c; here is which line goes where.
 */
#include "aggregator/inbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "aggregator/inbox_store.h"

struct inbox_tenant *
inbox_tenant(struct inbox *in, const char *name, size_t len)
{
	void **slot = strmap_put(&in->tenants, name, len);
	struct inbox_tenant *t;

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
inbox_forget(struct inbox_tenant *t)
{
	free(t->id);
	t->id = NULL;
	t->spread = false;
	memset(t->parts, 0, sizeof t->parts);
	t->published = false;
	strmap_release(&t->seen, free);
	buf_clear(&t->pending);
	buf_clear(&t->run);
	t->run_line = 0;
	free(t->run_id);
	t->run_id = NULL;
}

void
inbox_begin_part(struct inbox_tenant *t, unsigned part)
{
	t->spread = part != INBOX_WHOLE;
	t->parts[part] = (struct inbox_part){ .begun = true, .records = -1 };
}

bool
inbox_is_part_whole(const struct inbox_part *p)
{
	return p->begun && !p->done && p->records >= 0 &&
	       p->lines == (uint64_t)p->records;
}

/* How many parts are whole and were not published. */
static size_t
count_whole(const struct inbox_tenant *t)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(t->parts); i++)
		n += inbox_is_part_whole(&t->parts[i]);
	return n;
}

bool
inbox_is_ready(const struct inbox *in, const struct inbox_tenant *t)
{
	size_t n = t->id != NULL ? count_whole(t) : 0;

	return n > 0 && (!t->spread || in->by_part || n == BUCKET_PARTS);
}

bool
inbox_is_done(const struct inbox_tenant *t, struct text id, unsigned part)
{
	const struct inbox_done *d;
	size_t i;

	for (i = 0; i < t->done_n; i++) {
		d = &t->done[i];
		if (text_is(id, d->id) &&
		    (!d->spread || (part != INBOX_WHOLE &&
				       bucket_set_has(&d->parts, part))))
			return true;
	}
	return false;
}

static bool
is_passed_over(const struct inbox_tenant *t, struct text id, unsigned part)
{
	return inbox_is_done(t, id, part) ||
	       (t->ignored != NULL && text_is(id, t->ignored));
}

/* A message's line that is there already. */
static bool
is_seen(const struct inbox_tenant *t, const char *id, uint64_t number)
{
	const uint64_t *last;

	if (id == NULL)
		return false;
	if (t->run_id != NULL && strcmp(t->run_id, id) == 0 &&
	    number <= t->run_line)
		return true;
	last = strmap_get(&t->seen, id, strlen(id));
	return last != NULL && number <= *last;
}

/* Puts the line behind the others of its message. */
static void
keep_line(struct inbox_tenant *t, const char *line, size_t len, const char *id,
    uint64_t number)
{
	bool same = id == NULL || t->run_id == NULL
			? id == t->run_id
			: strcmp(id, t->run_id) == 0;

	if (!same) {
		inbox_end_run(t);
		t->run_id = id != NULL ? xstrdup(id) : NULL;
	}
	buf_add(&t->run, line, len);
	buf_addc(&t->run, '\n');
	t->run_line = number;
}

/* Of one in parts: which are wanting, and what may be wrong with that. */
static void
tell_parts(const struct inbox *in, const struct inbox_tenant *t)
{
	size_t whole = count_whole(t), begun = 0, done = 0, i;

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
drop_unfinished(struct inbox *in, struct inbox_tenant *t)
{
	const struct inbox_part *p = &t->parts[INBOX_WHOLE];

	if (t->spread)
		tell_parts(in, t);
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
ignore(struct inbox_tenant *t, const struct record *r)
{
	log_warn("snapshot '%.*s' of tenant '%s' is older than one that came "
		 "before it; it is passed over",
	    TEXT_ARG(r->snapshot), t->name);
	free(t->ignored);
	t->ignored = text_dup(r->snapshot);
}

/* The snapshot that is open makes way for another one. */
static enum outcome
give_way(struct inbox *in, struct inbox_tenant *t)
{
	enum outcome o = OUTCOME_DONE;

	if (t->id == NULL)
		return o;
	drop_unfinished(in, t);
	o = inbox_remove_spool(in, t);
	if (o == OUTCOME_DONE)
		inbox_forget(t);
	return o;
}

static enum outcome
begin(struct inbox *in, struct inbox_tenant *t, const char *line, size_t len,
    const char *id, uint64_t number)
{
	const struct record *r = &in->record;
	bool same = t->id != NULL && text_is(r->snapshot, t->id);
	unsigned part = in->last_part;
	enum outcome o;

	if (same && is_seen(t, id, number))
		return OUTCOME_DONE;
	/* One more part of it. */
	if (same && t->spread && part != INBOX_WHOLE && !t->parts[part].begun &&
	    !is_passed_over(t, r->snapshot, part)) {
		inbox_begin_part(t, part);
		keep_line(t, line, len, id, number);
		return OUTCOME_DONE;
	}
	if (inbox_is_ready(in, t)) {
		o = inbox_flush(in);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (is_passed_over(t, r->snapshot, part))
		return OUTCOME_DONE;
	if (r->at < t->done_at || (t->id != NULL && r->at < t->at)) {
		ignore(t, r);
		return OUTCOME_DONE;
	}
	o = give_way(in, t);
	if (o != OUTCOME_DONE)
		return o;
	inbox_forget(t);
	t->id = text_dup(r->snapshot);
	t->at = r->at;
	inbox_begin_part(t, part);
	keep_line(t, line, len, id, number);
	return OUTCOME_DONE;
}

/* A line of the snapshot that is open, and of a part that began. */
static enum outcome
add_line(struct inbox *in, struct inbox_tenant *t, const char *line, size_t len,
    const char *id, uint64_t number, const struct record *end)
{
	struct inbox_part *p = &t->parts[in->last_part];

	if (p->done || is_seen(t, id, number))
		return OUTCOME_DONE;
	keep_line(t, line, len, id, number);
	if (end != NULL)
		p->records = end->records;
	else
		p->lines++;
	return OUTCOME_DONE;
}

/* Whose open snapshot a bad line is one of: of the one it names, else of the
 * line before it, else of the only one, if that is not in parts. NULL: of
 * none. Finds out its part, too. */
static struct inbox_tenant *
owner_of_bad(struct inbox *in)
{
	struct text tenant = intake_peek(&in->flat, "tenant");
	struct text snapshot = intake_peek(&in->flat, "snapshot");
	struct inbox_tenant *t, *only = NULL;
	const struct strmap_entry *e;
	size_t i = 0;

	if (in->flat.n > 0) {
		if (tenant.p == NULL || snapshot.p == NULL)
			return NULL;
		t = strmap_get(&in->tenants, tenant.p, tenant.len);
		if (t == NULL || t->id == NULL || !text_is(snapshot, t->id))
			return NULL;
		in->last_part =
		    t->spread ? bucket_of_flat(&in->flat) : INBOX_WHOLE;
		return t;
	}
	if (in->last != NULL && in->last->id != NULL)
		return in->last;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id != NULL && only != NULL)
			return NULL;
		if (t->id != NULL)
			only = t;
	}
	in->last_part = INBOX_WHOLE;
	return only != NULL && !only->spread ? only : NULL;
}

static enum outcome
add_bad(struct inbox *in, const char *line, size_t len, const char *id,
    uint64_t number, const char *why)
{
	struct inbox_tenant *t = owner_of_bad(in);
	enum outcome o;

	if (t != NULL && is_seen(t, id, number))
		return OUTCOME_DONE;
	o = in->refuse(in->ctx, line, len, why);
	if (o != OUTCOME_DONE || t == NULL || !t->parts[in->last_part].begun)
		return o;
	return add_line(in, t, line, len, id, number, NULL);
}

/* A record of a stream, and nobody asked for one. */
static enum outcome
refuse_stream(struct inbox *in, const char *line, size_t len)
{
	if (!in->said_every)
		log_warn("records come that are outside a snapshot, and "
			 "without --every they all become dead letters; for "
			 "a stream's rows give --every 50ms");
	in->said_every = true;
	return in->refuse(in->ctx, line, len,
	    "it is outside a snapshot, and without --every this aggregator "
	    "makes rows of snapshots only; for a stream give --every 50ms");
}

/* The part that the record is of: of the open snapshot, or of whichever. */
static unsigned
part_of(const struct inbox_tenant *t, const struct record *r)
{
	if (r->type == RECORD_SNAPSHOT)
		return r->bucket != RECORD_NO_NUMBER ? (unsigned)r->bucket
						     : INBOX_WHOLE;
	if (t->id != NULL && !t->spread && text_is(r->snapshot, t->id))
		return INBOX_WHOLE;
	return bucket_of_record(r);
}

static enum outcome
add_record(struct inbox *in, const char *line, size_t len, const char *id,
    uint64_t number)
{
	const struct record *r = &in->record;
	struct inbox_tenant *t;
	bool marker = r->type == RECORD_SNAPSHOT;

	if (r->snapshot.p == NULL)
		return refuse_stream(in, line, len);
	t = inbox_tenant(in, r->tenant.p, r->tenant.len);
	in->last = t;
	in->last_part = part_of(t, r);
	if (marker && r->state == SNAPSHOT_BEGIN)
		return begin(in, t, line, len, id, number);
	if (t->id != NULL && text_is(r->snapshot, t->id) &&
	    t->parts[in->last_part].begun)
		return add_line(
		    in, t, line, len, id, number, marker ? r : NULL);
	if (is_passed_over(t, r->snapshot, in->last_part))
		return OUTCOME_DONE;
	return in->refuse(
	    in->ctx, line, len, "its snapshot did not begin, or was given up");
}

enum outcome
inbox_add(struct inbox *in, const char *line, size_t len, const char *id,
    uint64_t number)
{
	struct record *r = &in->record;
	struct buf why = BUF_INIT;
	enum outcome o;

	in->flat.n = 0;
	if (record_parse(r, &in->flat, line, len, &why) == -1) {
		o = add_bad(in, line, len, id, number, buf_str(&why));
		buf_release(&why);
		return o;
	}
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = intake_peek(&in->flat, "tenant");
		r->snapshot = intake_peek(&in->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return add_record(in, line, len, id, number);
}

static bool
is_incomplete(const struct inbox *in, const struct inbox_tenant *t)
{
	const struct inbox_part *p;
	size_t i;

	for (i = 0; t->id != NULL && i < ARRAY_LEN(t->parts); i++) {
		p = &t->parts[i];
		if (p->begun && !p->done && p->records >= 0 &&
		    (!inbox_is_part_whole(p) || (t->spread && !in->by_part)))
			return true;
	}
	return false;
}

size_t
inbox_tell_incomplete(const struct inbox *in)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0, spread = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		const struct inbox_tenant *t = e->value;

		if (!is_incomplete(in, t))
			continue;
		n++;
		if (t->spread && !in->by_part) {
			tell_parts(in, t);
			spread++;
		}
	}
	if (n > spread)
		log_error("%zu snapshots have their end and not all their "
			  "records; the next ones replace them",
		    n - spread);
	return n;
}
