/*
 * staging: see staging.h. With a state, lines are kept in it, so their messages
 * can be acknowledged long before the snapshot ends, and a snapshot may be
 * larger than the prefetch window. Without a state they are kept in memory, and
 * a line that comes twice counts twice.
 *
 *   table      key                     value
 *   snapshots  tenant                  its unfinished snapshot and the latest
 *                                      ones that are over
 *   staged     number of the snapshot, lines as they came; a refused one
 *              part, number            follows a !
 *
 * Nothing is durable before the state_commit() that follows staging_save().
 */
#include "aggregator/input/staging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/digest/random.h"
#include "common/json/jsonw.h"
#include "common/os/lines.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/containers/key.h"

/* The number of finished snapshots that are remembered for each tenant. Lines
 * of older ones become dead letters if they are delivered again. */
#define OVER_MAX 64

/* Index of the only bucket part of a snapshot that is not in parts. The other
 * indexes are buckets. */
#define PART_ONLY BUCKET_PARTS
#define PARTS (BUCKET_PARTS + 1)

/* Snapshots that have received no line for this long are dropped, because lines
 * are personal data. */
#define EXPIRE_MS (7 * DAY_MS)

/* Lines are put into the state with each flush, or sooner when there are this
 * many bytes. */
#define PIECE_BYTES ((size_t)64 * 1024)

/* Precedes a refused line. No record begins with it. */
#define REFUSED '!'

/* One bucket's lines of the unfinished snapshot. */
struct bucket_part {
	bool begun;
	bool applied;       /* it has corrected its tenant */
	int64_t records;    /* the number in its end marker; -1 until that
			     * arrives */
	uint64_t lines;     /* that have arrived */
	struct buf pending; /* lines that are not in the state */
};

struct snapshot_over {
	char *id;
	bool applied; /* these parts have been applied; no other line counts */
	bool in_parts;
	struct bucket_set parts;
};

struct staging_tenant {
	char *name;

	/* The unfinished snapshot. */
	char *id;   /* NULL: there is none */
	int64_t at; /* as_of in its begin marker */
	bool in_parts;
	struct bucket_part parts[PARTS];
	struct dedup lines;      /* its lines so far */
	uint64_t number, pieces; /* the numbers of its lines in the state, and
				  * of their next piece */
	int64_t changed_at;      /* by the system clock */

	struct snapshot_over over[OVER_MAX]; /* the newest last */
	size_t over_n;
	int64_t over_at; /* time of the newest applied snapshot */
	bool changed;    /* since the last staging_save() */
};

static struct staging_tenant *
get_tenant(struct staging *s, struct text name)
{
	void **slot = strmap_put(&s->tenants, name.p, name.len);
	struct staging_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->over_at = CLOCK_NONE;
		*slot = t;
	}
	return *slot;
}

static void
close_snapshot(struct staging_tenant *t)
{
	size_t i;

	free(t->id);
	t->id = NULL;
	dedup_release(&t->lines);
	memset(&t->lines, 0, sizeof t->lines);
	for (i = 0; i < PARTS; i++)
		buf_release(&t->parts[i].pending);
	memset(t->parts, 0, sizeof t->parts);
}

static void
free_tenant(void *tenant)
{
	struct staging_tenant *t = tenant;

	close_snapshot(t);
	while (t->over_n > 0)
		free(t->over[--t->over_n].id);
	free(t->name);
	free(t);
}

static void
mark_changed(struct staging *s, struct staging_tenant *t)
{
	if (!t->changed)
		t->changed_at = clock_now_ms();
	t->changed = s->changed = true;
}

/* Snapshots that are over. */

/* Returns the entry of a snapshot that is over, at least in parts, or NULL. */
static struct snapshot_over *
find_over(struct staging_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->over_n; i++)
		if (text_is(id, t->over[i].id))
			return &t->over[i];
	return NULL;
}

/* True if that part of the snapshot is over. o: its entry, or NULL. */
static bool
is_over(const struct snapshot_over *o, unsigned part)
{
	return o != NULL &&
	       (!o->applied || !o->in_parts ||
		   (part != PART_ONLY && bucket_set_has(&o->parts, part)));
}

/* Returns the entry of a snapshot. Creates a missing entry, which may drop the
 * oldest one. */
static struct snapshot_over *
get_over(struct staging_tenant *t, struct text id)
{
	struct snapshot_over *o = find_over(t, id);

	if (o != NULL)
		return o;
	if (t->over_n == OVER_MAX) {
		free(t->over[0].id);
		t->over_n--;
		memmove(t->over, t->over + 1, t->over_n * sizeof *t->over);
	}
	o = &t->over[t->over_n++];
	*o = (struct snapshot_over){ .id = text_dup(id) };
	return o;
}

/* From now on, no line of the snapshot counts, not even those of parts that
 * have been applied. */
static void
ignore_snapshot(struct staging *s, struct staging_tenant *t, struct text id)
{
	get_over(t, id)->applied = false;
	mark_changed(s, t);
}

/* The unfinished snapshot and its lines. */

static bool
is_open(const struct staging_tenant *t, struct text id)
{
	return t->id != NULL && text_is(id, t->id);
}

/* True if the part is complete and not yet applied. */
static bool
is_complete(const struct bucket_part *p)
{
	return p->begun && !p->applied && p->records >= 0 &&
	       p->lines == (uint64_t)p->records;
}

static bool
has_complete_part(const struct staging_tenant *t)
{
	size_t i;

	if (t->id == NULL)
		return false;
	for (i = 0; i < PARTS; i++)
		if (is_complete(&t->parts[i]))
			return true;
	return false;
}

/* The start of the keys of an unfinished snapshot's lines, and of those of a
 * part. */
static struct key
snapshot_key(const struct staging_tenant *t)
{
	struct key k = { .len = 0 };

	key_number(&k, t->number);
	return k;
}

static struct key
part_key(const struct staging_tenant *t, unsigned part)
{
	struct key k = snapshot_key(t);

	key_byte(&k, part);
	return k;
}

static void
put_pending(struct staging *s, struct staging_tenant *t, unsigned part)
{
	struct buf *lines = &t->parts[part].pending;
	struct key k;

	if (lines->len == 0 || s->state == NULL)
		return;
	k = part_key(t, part);
	key_number(&k, t->pieces++);
	lmdb_put(s->staged, k.bytes, k.len, lines->data, lines->len);
	buf_clear(lines);
}

static void
delete_part(struct staging *s, struct staging_tenant *t, unsigned part)
{
	struct key k;

	buf_release(&t->parts[part].pending);
	if (s->state == NULL)
		return;
	k = part_key(t, part);
	(void)lmdb_delete_prefix(s->staged, k.bytes, k.len, SIZE_MAX);
}

static void
drop_snapshot(struct staging *s, struct staging_tenant *t)
{
	struct key k = snapshot_key(t);

	if (s->state != NULL)
		(void)lmdb_delete_prefix(s->staged, k.bytes, k.len, SIZE_MAX);
	close_snapshot(t);
	mark_changed(s, t);
}

static bool
has_line(const struct staging_tenant *t, struct text line)
{
	return t->lines.open &&
	       dedup_has(&t->lines, dedup_fingerprint(&t->lines, line));
}

static bool
is_new_line(struct staging_tenant *t, struct text line)
{
	if (!t->lines.open)
		dedup_init(&t->lines, random_64(), 0);
	return dedup_add(&t->lines, dedup_fingerprint(&t->lines, line), 0);
}

/* Adds a line. False if the snapshot already has this line: a queue delivers
 * lines again, a pipe does not. refused: the line counts, but it
 * will not be read as a record. */
static bool
keep_line(struct staging *s, struct staging_tenant *t, unsigned part,
    struct text line, bool refused)
{
	struct buf *to = &t->parts[part].pending;

	if (s->state != NULL && !is_new_line(t, line))
		return false;
	if (refused)
		buf_addc(to, REFUSED);
	buf_add(to, line.p, line.len);
	buf_addc(to, '\n');
	if (to->len >= PIECE_BYTES)
		put_pending(s, t, part);
	mark_changed(s, t);
	return true;
}

/* Begins a part with its begin marker. */
static void
begin_part(struct staging *s, struct staging_tenant *t, unsigned part,
    struct text line)
{
	t->parts[part] = (struct bucket_part){ .begun = true, .records = -1 };
	(void)keep_line(s, t, part, line, false);
}

/* Applying complete parts. */

struct reading {
	struct staging *staging;
	void *tenant;  /* as begin() returned it */
	bool messages; /* the other records have been read */
	bool failed;
	struct scan scan;
	struct buf piece;
};

static bool
is_read_now(const struct reading *g, const struct record *r)
{
	if (g->staging->state == NULL)
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
	struct staging *s = g->staging;
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
		(void)future_refuses(s->future, &r);
		g->failed =
		    s->add(g->tenant, &r, g->scan.line, g->scan.len) == -1;
	}
	return !g->failed;
}

/* Reads lines that are in memory, in pieces. */
static void
read_lines(const struct buf *lines, struct reading *g)
{
	const char *p = buf_str(lines), *end = p + lines->len, *to;

	for (; p < end; p = to) {
		to = end;
		if ((size_t)(end - p) > PIECE_BYTES)
			to = (const char *)memchr(p + PIECE_BYTES - 1, '\n',
				 (size_t)(end - p) - PIECE_BYTES + 1) +
			     1;
		if (!read_piece(g, NULL, 0, p, (size_t)(to - p)))
			return;
	}
}

static void
read_part(struct staging *s, struct staging_tenant *t, unsigned part,
    struct reading *g)
{
	struct key k = part_key(t, part);

	if (s->state == NULL) {
		read_lines(&t->parts[part].pending, g);
		return;
	}
	put_pending(s, t, part);
	lmdb_each(s->staged, k.bytes, k.len, read_piece, g);
}

/* Reads the complete parts. An incremental model needs what their messages
 * depend on before the messages, so a stream reads them twice. */
static int
read_parts(struct staging *s, struct staging_tenant *t, void *tenant)
{
	struct reading g = { .staging = s, .tenant = tenant };
	unsigned i, pass, passes = s->state != NULL ? 2 : 1;

	scan_init(&g.scan);
	for (pass = 0; pass < passes; pass++) {
		g.messages = pass == 1;
		for (i = 0; i < PARTS && !g.failed; i++)
			if (is_complete(&t->parts[i]))
				read_part(s, t, i, &g);
	}
	scan_release(&g.scan);
	buf_release(&g.piece);
	return g.failed ? -1 : 0;
}

/* Records that the complete parts are applied, and removes their lines. */
static void
finish_parts(struct staging *s, struct staging_tenant *t)
{
	struct snapshot_over *over = get_over(t, text_from(t->id));
	size_t left = 0, n = 0;
	uint64_t lines = 0;
	unsigned i;

	over->applied = true;
	over->in_parts = t->in_parts;
	for (i = 0; i < PARTS; i++) {
		struct bucket_part *p = &t->parts[i];

		if (is_complete(p)) {
			p->applied = true;
			lines += p->lines;
			n++;
			delete_part(s, t, i);
			if (i != PART_ONLY)
				bucket_set_add(&over->parts, i);
		}
		left += p->begun && !p->applied;
	}
	if (t->at > t->over_at)
		t->over_at = t->at;
	if (s->state != NULL)
		log_info("snapshot_done",
		    "tenant=%s snapshot=%s lines=%" PRIu64 " parts=%zu",
		    t->name, t->id, lines, n);
	mark_changed(s, t);
	if (left == 0)
		close_snapshot(t);
}

static int
apply_tenant(struct staging *s, struct staging_tenant *t)
{
	struct bucket_set parts = { .all = false };
	void *tenant;
	unsigned i;

	if (!has_complete_part(t))
		return 0;
	for (i = 0; i < PART_ONLY; i++)
		if (is_complete(&t->parts[i]))
			bucket_set_add(&parts, i);
	tenant = s->begin(s->ctx, text_from(t->name), t->at);
	if (read_parts(s, t, tenant) == -1)
		return -1;
	if (s->state != NULL && state_failed(s->state))
		return 0; /* The commit will fail, too. */
	s->end(tenant, t->id, t->in_parts ? &parts : NULL);
	FAULT_POINT("aggregator.snapshot_applied");
	finish_parts(s, t);
	return 0;
}

int
staging_apply(struct staging *s)
{
	const struct strmap_entry *e;
	size_t i = 0;

	if (!s->ready)
		return 0;
	while ((e = strmap_next(&s->tenants, &i)) != NULL)
		if (apply_tenant(s, e->value) == -1)
			return -1;
	s->ready = false;
	return 0;
}

bool
staging_is_ready(const struct staging *s, struct text tenant)
{
	const struct staging_tenant *t =
	    s->ready ? strmap_get(&s->tenants, tenant.p, tenant.len) : NULL;

	return t != NULL && has_complete_part(t);
}

/* Each arriving line goes to the open snapshot, to a new one, to the dead
 * letters, or nowhere. */

/* The ends of log lines about incomplete snapshots. */
#define UNUSED "; all of it is ignored"
#define KEPT "; the next run continues with it"

/* before: before which event the snapshot should have ended. kept: more of its
 * lines may arrive after that. */
static void
log_unfinished(struct staging *s, const struct staging_tenant *t,
    const char *before, bool kept)
{
	const struct bucket_part *p = &t->parts[PART_ONLY];
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
	s->failed++;
}

/* Begins a snapshot. An unfinished snapshot is then over. */
static void
begin_snapshot(struct staging *s, struct staging_tenant *t, struct text line,
    const struct record *r, unsigned part)
{
	if (is_open(t, r->snapshot)) {
		log_error("snapshot '%s' of tenant '%s' is incomplete: it "
			  "began again before its end marker; what arrived "
			  "before that is ignored",
		    t->id, t->name);
		s->failed++;
	} else if (t->id != NULL) {
		log_unfinished(s, t, "another snapshot began", false);
	}
	if (t->id != NULL) {
		ignore_snapshot(s, t, text_from(t->id));
		drop_snapshot(s, t);
	}
	t->id = text_dup(r->snapshot);
	t->at = r->at;
	t->in_parts = part != PART_ONLY;
	t->pieces = 0;
	if (s->state != NULL) {
		t->number = (uint64_t)state_number(s->state, "snapshot", 0) + 1;
		state_set_number(s->state, "snapshot", (int64_t)t->number);
	}
	begin_part(s, t, part, line);
}

static enum outcome
refuse(struct staging *s, struct text line, const char *why)
{
	return s->refuse(s->ctx, line.p, line.len, why);
}

static void
refuse_bucket_parts(
    struct staging *s, struct staging_tenant *t, const struct record *r)
{
	log_error("snapshot '%.*s' of tenant '%s' is in parts, which only an "
		  "aggregator behind a queue can read" UNUSED,
	    TEXT_ARG(r->snapshot), t->name);
	ignore_snapshot(s, t, r->snapshot);
	s->failed++;
}

static enum outcome
add_begin_marker(struct staging *s, struct staging_tenant *t, struct text line,
    struct record *r, unsigned part)
{
	bool same = is_open(t, r->snapshot);
	const char *ahead;
	enum outcome o = OUTCOME_DONE;

	if (same && has_line(t, line))
		return OUTCOME_DONE;
	/* This is another part of the open snapshot. */
	if (same && t->in_parts && part != PART_ONLY && !t->parts[part].begun &&
	    !is_over(find_over(t, r->snapshot), part)) {
		begin_part(s, t, part, line);
		return OUTCOME_DONE;
	}
	if (apply_tenant(s, t) == -1)
		return OUTCOME_NEVER;
	if (is_over(find_over(t, r->snapshot), part)) {
		/* A pipe repeats a snapshot as a whole. */
		if (s->state == NULL)
			ignore_snapshot(s, t, r->snapshot);
		return OUTCOME_DONE;
	}
	if (r->at < t->over_at || (t->id != NULL && r->at < t->at)) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than an "
			 "earlier one and was ignored",
		    TEXT_ARG(r->snapshot), t->name);
		ignore_snapshot(s, t, r->snapshot);
		return OUTCOME_DONE;
	}
	if (s->state == NULL && r->bucket != RECORD_NO_NUMBER) {
		refuse_bucket_parts(s, t, r);
		return OUTCOME_DONE;
	}
	ahead = future_refuses(s->future, r);
	if (ahead == NULL) {
		begin_snapshot(s, t, line, r, part);
		return OUTCOME_DONE;
	}
	o = refuse(s, line, ahead);
	if (o != OUTCOME_DONE)
		return o;
	s->ahead++;
	ignore_snapshot(s, t, r->snapshot);
	return OUTCOME_DONE;
}

/* Adds a line to a part that has begun. end: the end marker if the line is one,
 * else NULL. */
static void
add_to_part(struct staging *s, struct staging_tenant *t, unsigned part,
    struct text line, const struct record *end, bool refused)
{
	struct bucket_part *p = &t->parts[part];

	if (p->applied || !keep_line(s, t, part, line, refused))
		return;
	if (end != NULL)
		p->records = end->records;
	else
		p->lines++;
	s->ready = s->ready || is_complete(p);
}

/* Adds a line of the open snapshot. A marker from the future counts as a bad
 * line. */
static enum outcome
add_line(struct staging *s, struct staging_tenant *t, struct text line,
    struct record *r, unsigned part)
{
	const char *ahead = future_refuses(s->future, r);
	enum outcome o = OUTCOME_DONE;

	if (ahead != NULL && !has_line(t, line)) {
		o = refuse(s, line, ahead);
		s->ahead += o == OUTCOME_DONE;
	}
	if (o == OUTCOME_DONE)
		add_to_part(s, t, part, line,
		    r->type == RECORD_SNAPSHOT ? r : NULL, ahead != NULL);
	return o;
}

/* Returns the part to which a line belongs. */
static unsigned
part_of(struct staging *s, bool in_parts, struct text line)
{
	return in_parts ? bucket_of_line(&s->flat, line.p, line.len)
			: PART_ONLY;
}

static enum outcome
add_record(struct staging *s, struct text line, struct record *r)
{
	struct staging_tenant *t = get_tenant(s, r->tenant);
	bool open = is_open(t, r->snapshot);
	const struct snapshot_over *over =
	    open ? NULL : find_over(t, r->snapshot);
	unsigned part;

	if (r->type == RECORD_SNAPSHOT)
		part = part_of(s, r->bucket != RECORD_NO_NUMBER, line);
	else if (open)
		part = part_of(s, t->in_parts, line);
	else
		part = part_of(s, over != NULL && over->in_parts, line);
	if (r->type == RECORD_SNAPSHOT && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(s, t, line, r, part);
	if (open && t->parts[part].begun)
		return add_line(s, t, line, r, part);
	if (open)
		over = find_over(t, r->snapshot);
	if (!is_over(over, part))
		return refuse(s, line, "its snapshot has no begin marker");
	if (s->state == NULL && over->applied)
		return refuse(s, line, "its snapshot has ended");
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
    struct staging *s, struct text line, const struct flat *f, const char *why)
{
	struct text tenant = peek(f, "tenant"), snapshot = peek(f, "snapshot");
	struct staging_tenant *t = NULL;
	unsigned part = PART_ONLY;
	enum outcome o;

	if (tenant.p != NULL && snapshot.p != NULL)
		t = strmap_get(&s->tenants, tenant.p, tenant.len);
	if (t != NULL && !is_open(t, snapshot))
		t = NULL;
	if (t != NULL && has_line(t, line))
		return OUTCOME_DONE;
	if (t != NULL)
		part = part_of(s, t->in_parts, line);
	o = refuse(s, line, why);
	if (o == OUTCOME_DONE && t != NULL && t->parts[part].begun)
		add_to_part(s, t, part, line, NULL, true);
	return o;
}

enum outcome
staging_add(
    struct staging *s, const struct scan *scan, int scanned, struct record *r)
{
	struct text line = { scan->line, scan->len };

	if (scanned == -1)
		return add_bad_line(s, line, &scan->flat, buf_str(&scan->why));
	if (r->type == RECORD_ROW)
		return refuse(s, line,
		    "this is a row for sink, not a record; give the records of "
		    "poller");
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = peek(r->flat, "tenant");
		r->snapshot = peek(r->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return add_record(s, line, r);
}

void
staging_forget(struct staging *s, struct text tenant)
{
	struct staging_tenant *t =
	    strmap_get(&s->tenants, tenant.p, tenant.len);

	if (t == NULL || t->id == NULL)
		return;
	log_warn("snapshot '%s' of tenant '%s' is ignored: a customer was "
		 "erased while it arrived",
	    t->id, t->name);
	ignore_snapshot(s, t, text_from(t->id));
	drop_snapshot(s, t);
}

/* True if the end marker of a part has arrived, but not all of its lines. */
static bool
lacks_lines(const struct staging_tenant *t)
{
	const struct bucket_part *p;

	for (p = t->parts; p < t->parts + PARTS; p++)
		if (p->begun && !p->applied && p->records >= 0)
			return true;
	return false;
}

void
staging_report_unfinished(struct staging *s)
{
	const struct strmap_entry *e;
	const struct staging_tenant *t;
	bool kept = s->state != NULL;
	size_t i = 0;

	while ((e = strmap_next(&s->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id != NULL && (!kept || lacks_lines(t)))
			log_unfinished(s, t, "the input ended", kept);
	}
}

void
staging_expire(struct staging *s)
{
	const struct strmap_entry *e;
	struct staging_tenant *t;
	size_t i = 0;

	while ((e = strmap_next(&s->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id == NULL || t->changed_at > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("removed the unfinished snapshot '%s' of tenant '%s': "
			 "no further records arrived for a week",
		    t->id, t->name);
		drop_snapshot(s, t);
	}
}

/* The tables of the state. */

static void
code_over(struct pack *k, struct snapshot_over *o)
{
	code_string(k, &o->id);
	code_flag(k, &o->applied);
	code_flag(k, &o->in_parts);
	code_number(k, &o->parts.chats);
	code_flag(k, &o->parts.all);
}

static void
code_open_snapshot(struct pack *k, struct staging_tenant *t)
{
	struct bucket_part *p;

	code_string(k, &t->id);
	code_signed(k, &t->at);
	code_flag(k, &t->in_parts);
	code_number(k, &t->number);
	code_number(k, &t->pieces);
	code_signed(k, &t->changed_at);
	for (p = t->parts; p < t->parts + PARTS; p++) {
		code_flag(k, &p->begun);
		code_flag(k, &p->applied);
		code_signed(k, &p->records);
		code_number(k, &p->lines);
	}
}

static void
code_tenant(struct pack *k, struct staging_tenant *t)
{
	uint32_t n = (uint32_t)t->over_n;
	bool open = t->id != NULL;

	code_signed(k, &t->over_at);
	code_limited(k, &n, OVER_MAX);
	for (t->over_n = 0; t->over_n < n; t->over_n++)
		code_over(k, &t->over[t->over_n]);
	code_flag(k, &open);
	if (open)
		code_open_snapshot(k, t);
	if (open && pack_reads(k))
		log_info("snapshot_resumed", "tenant=%s snapshot=%s", t->name,
		    t->id);
}

void
staging_save(struct staging *s)
{
	const struct strmap_entry *e;
	struct buf packed = BUF_INIT;
	struct pack k;
	size_t i = 0;
	unsigned part;

	while (s->changed && (e = strmap_next(&s->tenants, &i)) != NULL) {
		struct staging_tenant *t = e->value;

		if (!t->changed)
			continue;
		for (part = 0; part < PARTS; part++)
			put_pending(s, t, part);
		buf_clear(&packed);
		k = pack_write(&packed);
		code_tenant(&k, t);
		lmdb_put(
		    s->snapshots, e->key, e->key_len, packed.data, packed.len);
		t->changed = false;
	}
	s->changed = false;
	buf_release(&packed);
}

static bool
load_tenant(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct staging *s = ctx;
	struct staging_tenant *t = get_tenant(s, (struct text){ key, key_len });
	struct pack r = pack_open_bare(data, len);

	code_tenant(&r, t);
	if (pack_end(&r) == -1)
		state_set_damaged(s->state);
	return !state_failed(s->state);
}

/* Returns the tenant whose unfinished snapshot has that number. */
static struct staging_tenant *
find_numbered(struct staging *s, uint64_t number)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->tenants, &i)) != NULL) {
		struct staging_tenant *t = e->value;

		if (t->id != NULL && t->number == number)
			return t;
	}
	return NULL;
}

static bool
load_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct staging *s = ctx;
	const char *p = data, *end = p + len, *nl;
	struct staging_tenant *t;
	size_t at = 0;

	t = find_numbered(
	    s, key_read_number((struct text){ key, key_len }, &at));
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (t == NULL || nl == NULL) {
			state_set_damaged(s->state);
			return false;
		}
		if (*p == REFUSED)
			p++;
		(void)is_new_line(t, (struct text){ p, (size_t)(nl - p) });
	}
	return true;
}

int
staging_open(struct staging *s, struct state *state)
{
	s->state = state;
	s->snapshots = state_table(state, "snapshots");
	s->staged = state_table(state, "staged");
	if (state_failed(state))
		return -1;
	lmdb_each(s->snapshots, NULL, 0, load_tenant, s);
	if (!state_failed(state))
		lmdb_each(s->staged, NULL, 0, load_piece, s);
	staging_expire(s);
	return state_failed(state) ? -1 : 0;
}

void
staging_close(struct staging *s)
{
	strmap_release(&s->tenants, free_tenant);
	flat_release(&s->flat);
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
