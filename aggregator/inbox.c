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
	t->lines = 0;
	t->records = -1;
	t->published = false;
	strmap_release(&t->seen, free);
	buf_clear(&t->pending);
	buf_clear(&t->run);
	t->run_line = 0;
	free(t->run_id);
	t->run_id = NULL;
}

bool
inbox_is_whole(const struct inbox_tenant *t)
{
	return t->id != NULL && t->records >= 0 &&
	       t->lines == (uint64_t)t->records;
}

static bool
is_passed_over(const struct inbox_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (text_is(id, t->done[i]))
			return true;
	return t->ignored != NULL && text_is(id, t->ignored);
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

static void
drop_unfinished(struct inbox *in, struct inbox_tenant *t)
{
	if (t->records >= 0)
		log_error("snapshot '%s' of tenant '%s' is not whole: %" PRIu64
			  " of %" PRId64
			  " records came before another one began; nothing "
			  "of it is used",
		    t->id, t->name, t->lines, t->records);
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

static enum outcome
begin(struct inbox *in, struct inbox_tenant *t, const char *line, size_t len,
    const char *id, uint64_t number)
{
	const struct record *r = &in->record;
	enum outcome o;

	if (t->id != NULL && text_is(r->snapshot, t->id) &&
	    is_seen(t, id, number))
		return OUTCOME_DONE;
	if (inbox_is_whole(t)) {
		o = inbox_flush(in);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (is_passed_over(t, r->snapshot))
		return OUTCOME_DONE;
	if (r->at < t->done_at || (t->id != NULL && r->at < t->at)) {
		ignore(t, r);
		return OUTCOME_DONE;
	}
	if (t->id != NULL) {
		drop_unfinished(in, t);
		o = inbox_remove_spool(in, t);
		if (o != OUTCOME_DONE)
			return o;
	}
	inbox_forget(t);
	t->id = text_dup(r->snapshot);
	t->at = r->at;
	keep_line(t, line, len, id, number);
	return OUTCOME_DONE;
}

/* A line of the snapshot that is open. */
static enum outcome
add_line(struct inbox_tenant *t, const char *line, size_t len, const char *id,
    uint64_t number, const struct record *end)
{
	if (is_seen(t, id, number))
		return OUTCOME_DONE;
	keep_line(t, line, len, id, number);
	if (end != NULL)
		t->records = end->records;
	else
		t->lines++;
	return OUTCOME_DONE;
}

/* Whose open snapshot a bad line is one of: of the one it names, else of the
 * line before it, else of the only one. NULL: of none. */
static struct inbox_tenant *
owner_of_bad(const struct inbox *in)
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
		return t != NULL && t->id != NULL && text_is(snapshot, t->id)
			   ? t
			   : NULL;
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
	return only;
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
	if (o != OUTCOME_DONE || t == NULL)
		return o;
	return add_line(t, line, len, id, number, NULL);
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
	if (marker && r->state == SNAPSHOT_BEGIN)
		return begin(in, t, line, len, id, number);
	if (t->id != NULL && text_is(r->snapshot, t->id))
		return add_line(t, line, len, id, number, marker ? r : NULL);
	if (is_passed_over(t, r->snapshot))
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

size_t
inbox_incomplete(const struct inbox *in)
{
	const struct strmap_entry *e;
	const struct inbox_tenant *t;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		n += t->id != NULL && t->records >= 0 && !inbox_is_whole(t);
	}
	return n;
}
