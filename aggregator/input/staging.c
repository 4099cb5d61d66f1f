/*
 * staging: see staging.h.
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
#include "common/records/scan.h"

#include "aggregator/containers/key.h"

#define EXPIRE_MS (7 * DAY_MS)

/* Lines are put into the state with each flush, or sooner when there are this
 * many bytes. */
#define PIECE_BYTES ((size_t)64 * 1024)

/* The end of each log line about an incomplete snapshot. */
#define UNUSED "; all of it is ignored"

static struct staging_tenant *
get_tenant(struct staging *in, struct text name)
{
	void **slot = strmap_put(&in->tenants, name.p, name.len);
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

	t->open = NULL;
	markers_close(&t->markers);
	dedup_release(&t->lines);
	memset(&t->lines, 0, sizeof t->lines);
	for (i = 0; i < MARKERS_PARTS; i++)
		buf_release(&t->pending[i]);
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
mark_changed(struct staging *in, struct staging_tenant *t)
{
	if (!t->changed)
		t->changed_at = clock_now_ms();
	t->changed = in->changed = true;
}

/* Finished snapshots. */

static struct staging_over *
find_over(struct staging_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->over_n; i++)
		if (text_is(id, t->over[i].id))
			return &t->over[i];
	return NULL;
}

/* True if that part of that snapshot is over. */
static bool
is_over(struct staging_tenant *t, struct text id, unsigned part)
{
	const struct staging_over *o = find_over(t, id);

	if (o == NULL)
		return false;
	return !o->applied || !o->in_parts ||
	       (part != MARKERS_WHOLE && bucket_set_has(&o->parts, part));
}

/* Returns the entry of a snapshot. Creates a missing entry, which may drop the
 * oldest one. */
static struct staging_over *
get_over(struct staging_tenant *t, struct text id)
{
	struct staging_over *o = find_over(t, id);

	if (o != NULL)
		return o;
	if (t->over_n == STAGING_OVER) {
		free(t->over[0].id);
		t->over_n--;
		memmove(t->over, t->over + 1, t->over_n * sizeof *t->over);
	}
	o = &t->over[t->over_n++];
	*o = (struct staging_over){ .id = text_dup(id) };
	return o;
}

/* From now on, no line of the snapshot counts, not even those of parts that
 * have been applied. */
static void
ignore_snapshot(struct staging *in, struct staging_tenant *t, struct text id)
{
	get_over(t, id)->applied = false;
	mark_changed(in, t);
}

/* Lines of the unfinished snapshot. */

static void
begin_key(struct key *k, const struct staging_tenant *t)
{
	k->len = 0;
	key_number(k, t->number);
}

static void
put_pending(struct staging *in, struct staging_tenant *t, unsigned part)
{
	struct buf *lines = &t->pending[part];
	struct key k;

	if (lines->len == 0 || in->state == NULL)
		return;
	begin_key(&k, t);
	key_byte(&k, part);
	key_number(&k, t->pieces++);
	lmdb_put(in->staged, k.bytes, k.len, lines->data, lines->len);
	buf_clear(lines);
}

static void
delete_part(struct staging *in, struct staging_tenant *t, unsigned part)
{
	struct key k;

	buf_release(&t->pending[part]);
	if (in->state == NULL)
		return;
	begin_key(&k, t);
	key_byte(&k, part);
	(void)lmdb_delete_prefix(in->staged, k.bytes, k.len, SIZE_MAX);
}

/* Drops the unfinished snapshot. */
static void
drop_snapshot(struct staging *in, struct staging_tenant *t)
{
	struct key k;

	begin_key(&k, t);
	if (in->state != NULL)
		(void)lmdb_delete_prefix(in->staged, k.bytes, k.len, SIZE_MAX);
	close_snapshot(t);
	mark_changed(in, t);
}

static struct fingerprint
print_of_line(const struct staging_tenant *t, struct text line)
{
	return dedup_fingerprint(&t->lines, line);
}

static bool
has_line(const struct staging_tenant *t, const struct staging_line *l)
{
	struct text line = { l->p, l->len };

	return t->lines.open && dedup_has(&t->lines, print_of_line(t, line));
}

static bool
is_new_line(struct staging_tenant *t, struct text line)
{
	if (!t->lines.open)
		dedup_init(&t->lines, random_64(), 0);
	return dedup_add(&t->lines, print_of_line(t, line), 0);
}

/* Adds the line to its snapshot. False if the snapshot already has this
 * line. */
static bool
append_line(struct staging *in, struct staging_tenant *t, unsigned part,
    const struct staging_line *l)
{
	struct buf *to = &t->pending[part];

	if (!is_new_line(t, (struct text){ l->p, l->len }))
		return false;
	buf_add(to, l->p, l->len);
	buf_addc(to, '\n');
	if (to->len >= PIECE_BYTES)
		put_pending(in, t, part);
	mark_changed(in, t);
	return true;
}

/* Adds a line to a part that has begun. end: the end marker if the line is one,
 * else NULL. */
static void
add_to_part(struct staging *in, struct staging_tenant *t, unsigned part,
    const struct staging_line *l, const struct record *end)
{
	struct marked_part *p = &t->markers.parts[part];

	if (p->applied || !append_line(in, t, part, l))
		return;
	if (end != NULL)
		markers_end_part(&t->markers, part, end);
	else
		p->lines++;
	in->ready = in->ready || marked_part_is_whole(p);
}

/* Applying complete parts. */

struct reading {
	struct staging *in;
	bool messages; /* the other records have been read */
	bool failed;
	struct scan scan;
	struct buf piece;
};

static bool
is_read_now(const struct reading *g, const struct record *r)
{
	if (g->in->state == NULL)
		return r->type != RECORD_UNKNOWN && r->type != RECORD_SNAPSHOT;
	return g->messages
		   ? r->type == RECORD_MESSAGE
		   : r->type == RECORD_OPERATOR || r->type == RECORD_CHAT;
}

/* A bad line, or one from the future, was already rejected when it was read. */
static bool
read_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	static const char zeros[SCAN_BEHIND];
	struct reading *g = ctx;
	struct staging *in = g->in;
	struct record r;
	int rc;

	(void)key;
	(void)key_len;
	buf_clear(&g->piece);
	buf_add(&g->piece, zeros, SCAN_BEFORE);
	buf_add(&g->piece, data, len);
	buf_add(&g->piece, zeros, SCAN_BEHIND);
	memset(&r, 0, sizeof r);
	scan_block(&g->scan, g->piece.data + SCAN_BEFORE, len);
	while (!g->failed && (rc = scan_record(&g->scan, &r)) != 0)
		if (rc == 1 && is_read_now(g, &r) &&
		    future_refuses(in->future, &r) == NULL)
			g->failed = in->add(in->ctx, &r, g->scan.line,
					g->scan.len) == -1;
	return !g->failed;
}

/* Reads lines that are in memory, in pieces. */
static void
read_lines(struct reading *g, const struct buf *lines)
{
	const char *p = buf_str(lines), *end = p + lines->len, *to;

	for (; p < end && !g->failed; p = to) {
		to = end;
		if ((size_t)(end - p) > PIECE_BYTES)
			to = (const char *)memchr(p + PIECE_BYTES - 1, '\n',
				 (size_t)(end - p) - PIECE_BYTES + 1) +
			     1;
		(void)read_piece(g, NULL, 0, p, (size_t)(to - p));
	}
}

static void
read_part(struct reading *g, struct staging_tenant *t, unsigned part)
{
	struct key k;

	if (g->in->state == NULL) {
		read_lines(g, &t->pending[part]);
		return;
	}
	put_pending(g->in, t, part);
	begin_key(&k, t);
	key_byte(&k, part);
	lmdb_each(g->in->staged, k.bytes, k.len, read_piece, g);
}

static bool
is_applicable(const struct marked_part *p)
{
	return p->begun && !p->applied && marked_part_is_whole(p);
}

/* Records that the complete parts have been applied. */
static void
finish_parts(struct staging *in, struct staging_tenant *t,
    const struct bucket_set *parts, struct staging_over *over)
{
	struct markers *m = &t->markers;
	size_t left = 0, n = 0;
	uint64_t lines = 0;
	unsigned i;

	for (i = 0; i < MARKERS_PARTS; i++) {
		if (is_applicable(&m->parts[i])) {
			m->parts[i].applied = true;
			lines += m->parts[i].lines;
			n++;
			delete_part(in, t, i);
		}
		left += m->parts[i].begun && !m->parts[i].applied;
	}
	over->applied = true;
	over->in_parts = m->in_parts;
	over->parts.chats |= parts->chats;
	over->parts.all |= parts->all;
	if (m->at > t->over_at)
		t->over_at = m->at;
	if (in->state != NULL)
		log_info("snapshot_done",
		    "tenant=%s snapshot=%s lines=%" PRIu64 " parts=%zu",
		    t->name, m->id, lines, n);
	mark_changed(in, t);
	if (left == 0)
		close_snapshot(t);
}

/* Reads the complete parts. An incremental model needs what their messages
 * depend on before the messages, so a stream reads them twice. */
static int
read_parts(struct staging *in, struct staging_tenant *t)
{
	const struct marked_part *parts = t->markers.parts;
	struct reading g = { .in = in };
	unsigned i, pass, passes = in->state != NULL ? 2 : 1;

	scan_init(&g.scan);
	for (pass = 0; pass < passes; pass++) {
		g.messages = pass == 1;
		for (i = 0; i < MARKERS_PARTS && !g.failed; i++)
			if (is_applicable(&parts[i]))
				read_part(&g, t, i);
	}
	scan_release(&g.scan);
	buf_release(&g.piece);
	return g.failed ? -1 : 0;
}

static int
apply_tenant(struct staging *in, struct staging_tenant *t)
{
	struct markers *m = &t->markers;
	struct text name = { t->name, strlen(t->name) };
	struct bucket_set parts = { .all = false };
	unsigned i;

	if (t->open == NULL || markers_count_whole(m) == 0)
		return 0;
	for (i = 0; i < MARKERS_WHOLE; i++)
		if (is_applicable(&m->parts[i]))
			bucket_set_add(&parts, i);
	in->begin(in->ctx, name, m->at);
	if (read_parts(in, t) == -1)
		return -1;
	if (in->state != NULL && state_failed(in->state))
		return 0; /* The commit will fail, too. */
	in->end(in->ctx, name, m, m->in_parts ? &parts : NULL);
	FAULT_POINT("aggregator.snapshot_applied");
	finish_parts(
	    in, t, &parts, get_over(t, (struct text){ m->id, strlen(m->id) }));
	return 0;
}

int
staging_apply(struct staging *in)
{
	const struct strmap_entry *e;
	size_t i = 0;

	if (!in->ready)
		return 0;
	while ((e = strmap_next(&in->tenants, &i)) != NULL)
		if (apply_tenant(in, e->value) == -1)
			return -1;
	in->ready = false;
	return 0;
}

bool
staging_is_ready(const struct staging *in, struct text tenant)
{
	const struct staging_tenant *t;

	if (!in->ready)
		return false;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	return t != NULL && markers_count_whole(&t->markers) > 0;
}

/* Decides where each line goes: to the open snapshot, a new one, the dead
 * letters, or nowhere. */

/* before: before which event the snapshot should have ended. */
static void
log_unfinished(
    struct staging *in, const struct staging_tenant *t, const char *before)
{
	const struct markers *m = &t->markers;
	const struct marked_part *p = &m->parts[MARKERS_WHOLE];
	size_t left = 0, i;

	for (i = 0; i < BUCKET_PARTS; i++)
		left += m->parts[i].begun && !m->parts[i].applied;
	if (m->in_parts)
		log_error("snapshot '%s' of tenant '%s' is incomplete: %zu of "
			  "its parts were truncated and are ignored",
		    m->id, t->name, left);
	else if (p->records >= 0)
		log_error("snapshot '%s' of tenant '%s' is incomplete: %" PRIu64
			  " records arrived before %s, its end marker says "
			  "%" PRId64 UNUSED,
		    m->id, t->name, p->lines, before, p->records);
	else
		log_error("snapshot '%s' of tenant '%s' is incomplete: no end "
			  "marker arrived before %s" UNUSED,
		    m->id, t->name, before);
	in->failed++;
}

/* Begins a snapshot. An unfinished snapshot is then over. */
static void
begin_snapshot(struct staging *in, struct staging_tenant *t,
    const struct staging_line *l, unsigned part)
{
	if (t->open != NULL) {
		log_unfinished(in, t, "another snapshot began");
		ignore_snapshot(in, t,
		    (struct text){ t->markers.id, strlen(t->markers.id) });
		drop_snapshot(in, t);
	}
	markers_open(&t->markers, l->record);
	t->open = &t->markers;
	if (in->state != NULL) {
		t->number =
		    (uint64_t)state_number(in->state, "snapshot", 0) + 1;
		state_set_number(in->state, "snapshot", (int64_t)t->number);
	}
	t->pieces = 0;
	(void)append_line(in, t, part, l);
}

static void
refuse_parts(
    struct staging *in, struct staging_tenant *t, const struct record *r)
{
	log_error("snapshot '%.*s' of tenant '%s' is in parts, which only an "
		  "aggregator behind a queue can read" UNUSED,
	    TEXT_ARG(r->snapshot), t->name);
	ignore_snapshot(in, t, r->snapshot);
	in->failed++;
}

static enum outcome
add_begin_marker(struct staging *in, struct staging_tenant *t,
    const struct staging_line *l, unsigned part)
{
	struct record *r = l->record;
	bool same = markers_are_of(t->open, r->snapshot);
	const char *ahead;
	enum outcome o = OUTCOME_DONE;

	if (same && has_line(t, l))
		return OUTCOME_DONE;
	/* This is another part of the open snapshot. */
	if (same && t->markers.in_parts && part != MARKERS_WHOLE &&
	    !t->markers.parts[part].begun && !is_over(t, r->snapshot, part)) {
		markers_begin_part(&t->markers, part);
		(void)append_line(in, t, part, l);
		return OUTCOME_DONE;
	}
	if (apply_tenant(in, t) == -1)
		return OUTCOME_NEVER;
	if (is_over(t, r->snapshot, part))
		return OUTCOME_DONE;
	if (r->at < t->over_at || (t->open != NULL && r->at < t->markers.at)) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than an "
			 "earlier one and was ignored",
		    TEXT_ARG(r->snapshot), t->name);
		ignore_snapshot(in, t, r->snapshot);
		return OUTCOME_DONE;
	}
	if (in->state == NULL && r->bucket != RECORD_NO_NUMBER) {
		refuse_parts(in, t, r);
		return OUTCOME_DONE;
	}
	ahead = future_refuses(in->future, r);
	if (ahead == NULL) {
		begin_snapshot(in, t, l, part);
		return OUTCOME_DONE;
	}
	o = in->refuse(in->ctx, l->p, l->len, ahead);
	if (o != OUTCOME_DONE)
		return o;
	in->ahead++;
	ignore_snapshot(in, t, r->snapshot);
	return OUTCOME_DONE;
}

/* Adds a line of the open snapshot. A marker from the future counts as a bad
 * line. */
static enum outcome
add_line(struct staging *in, struct staging_tenant *t,
    const struct staging_line *l, unsigned part)
{
	struct record *r = l->record;
	const char *ahead = future_refuses(in->future, r);
	enum outcome o = OUTCOME_DONE;

	if (ahead != NULL && !has_line(t, l)) {
		o = in->refuse(in->ctx, l->p, l->len, ahead);
		in->ahead += o == OUTCOME_DONE;
	}
	if (o == OUTCOME_DONE)
		add_to_part(
		    in, t, part, l, r->type == RECORD_SNAPSHOT ? r : NULL);
	return o;
}

static enum outcome
add_record(struct staging *in, const struct staging_line *l)
{
	struct record *r = l->record;
	struct staging_tenant *t = get_tenant(in, r->tenant);
	bool open = markers_are_of(t->open, r->snapshot);
	bool marker = r->type == RECORD_SNAPSHOT;
	const struct staging_over *over;
	unsigned part =
	    open || marker ? markers_part_of(t->open, r) : bucket_of_record(r);

	if (marker && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(in, t, l, part);
	if (open && t->markers.parts[part].begun)
		return add_line(in, t, l, part);
	if (!is_over(t, r->snapshot, part))
		return in->refuse(
		    in->ctx, l->p, l->len, "its snapshot has no begin marker");
	/* A queue delivers lines again, a pipe does not. */
	over = find_over(t, r->snapshot);
	if (in->state == NULL && over != NULL && over->applied)
		return in->refuse(
		    in->ctx, l->p, l->len, "its snapshot has ended");
	return OUTCOME_DONE;
}

/* Finds the tenant to whose open snapshot a bad line belongs, and the part. f:
 * the fields of the line that could be read. NULL: it names no open
 * snapshot. */
static struct staging_tenant *
owner_of(const struct staging *in, const struct flat *f, unsigned *part)
{
	struct text tenant = record_peek(f, "tenant");
	struct text snapshot = record_peek(f, "snapshot");
	struct staging_tenant *t;

	if (tenant.p == NULL || snapshot.p == NULL)
		return NULL;
	t = strmap_get(&in->tenants, tenant.p, tenant.len);
	if (t == NULL || !markers_are_of(t->open, snapshot))
		return NULL;
	*part = t->open->in_parts ? bucket_of_flat(f) : MARKERS_WHOLE;
	return t->open->parts[*part].begun ? t : NULL;
}

static enum outcome
add_bad_line(struct staging *in, const struct staging_line *l)
{
	unsigned part;
	struct staging_tenant *t = owner_of(in, l->flat, &part);
	enum outcome o;

	if (t != NULL && has_line(t, l))
		return OUTCOME_DONE;
	o = in->refuse(in->ctx, l->p, l->len, l->why);
	if (o == OUTCOME_DONE && t != NULL)
		add_to_part(in, t, part, l, NULL);
	return o;
}

enum outcome
staging_add(struct staging *in, const struct staging_line *l)
{
	struct record *r = l->record;

	if (r == NULL)
		return add_bad_line(in, l);
	if (r->type == RECORD_ROW)
		return in->refuse(in->ctx, l->p, l->len, REFUSED_ROW);
	if (r->type == RECORD_UNKNOWN) {
		r->tenant = record_peek(l->flat, "tenant");
		r->snapshot = record_peek(l->flat, "snapshot");
		if (r->tenant.p == NULL || r->snapshot.p == NULL)
			return OUTCOME_DONE;
	}
	return add_record(in, l);
}

void
staging_forget(struct staging *in, struct text tenant)
{
	struct staging_tenant *t =
	    strmap_get(&in->tenants, tenant.p, tenant.len);

	if (t == NULL || t->open == NULL)
		return;
	log_warn("snapshot '%s' of tenant '%s' is ignored: a customer was "
		 "erased while it arrived",
	    t->markers.id, t->name);
	ignore_snapshot(
	    in, t, (struct text){ t->markers.id, strlen(t->markers.id) });
	drop_snapshot(in, t);
}

void
staging_expire(struct staging *in)
{
	const struct strmap_entry *e;
	struct staging_tenant *t;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->open == NULL ||
		    t->changed_at > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("removed the unfinished snapshot '%s' of tenant '%s': "
			 "no further records arrived for a week",
		    t->markers.id, t->name);
		drop_snapshot(in, t);
	}
}

size_t
staging_report_incomplete(const struct staging *in)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0, part;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		const struct staging_tenant *t = e->value;
		bool incomplete = false;

		for (part = 0; part < MARKERS_PARTS; part++)
			incomplete = incomplete ||
				     (t->markers.parts[part].records >= 0 &&
					 t->markers.parts[part].begun &&
					 !t->markers.parts[part].applied);
		n += incomplete;
	}
	if (n > 0)
		log_error("%zu snapshots have an end marker but lack records; "
			  "the next snapshots replace them",
		    n);
	return n;
}

void
staging_report_unfinished(struct staging *in)
{
	const struct strmap_entry *e;
	const struct staging_tenant *t;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->open != NULL)
			log_unfinished(in, t, "the input ended");
	}
}

/* The tables of the state. */

static void
code_over(struct pack *k, struct staging_over *o)
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
	struct markers *m = &t->markers;
	struct marked_part *p;

	code_string(k, &m->id);
	code_signed(k, &m->at);
	code_flag(k, &m->in_parts);
	code_number(k, &t->number);
	code_number(k, &t->pieces);
	code_signed(k, &t->changed_at);
	for (p = m->parts; p < m->parts + MARKERS_PARTS; p++) {
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
	bool open = t->open != NULL;

	code_signed(k, &t->over_at);
	code_limited(k, &n, STAGING_OVER);
	for (t->over_n = 0; t->over_n < n; t->over_n++)
		code_over(k, &t->over[t->over_n]);
	code_flag(k, &open);
	if (open)
		code_open_snapshot(k, t);
	if (open && pack_reads(k)) {
		t->markers.end_at = t->markers.at;
		t->open = &t->markers;
		log_info("snapshot_resumed", "tenant=%s snapshot=%s", t->name,
		    t->markers.id);
	}
}

void
staging_save(struct staging *in)
{
	const struct strmap_entry *e;
	struct buf packed = BUF_INIT;
	struct pack k;
	size_t i = 0;
	unsigned part;

	if (!in->changed)
		return;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		struct staging_tenant *t = e->value;

		if (!t->changed)
			continue;
		for (part = 0; part < MARKERS_PARTS; part++)
			put_pending(in, t, part);
		buf_clear(&packed);
		k = pack_write(&packed);
		code_tenant(&k, t);
		lmdb_put(
		    in->snapshots, e->key, e->key_len, packed.data, packed.len);
		t->changed = false;
	}
	in->changed = false;
	buf_release(&packed);
}

static bool
load_tenant(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct staging *in = ctx;
	struct staging_tenant *t =
	    get_tenant(in, (struct text){ key, key_len });
	struct pack r = pack_open_bare(data, len);

	code_tenant(&r, t);
	if (pack_end(&r) == -1)
		state_set_damaged(in->state);
	return !state_failed(in->state);
}

/* Returns the tenant whose unfinished snapshot has that number. */
static struct staging_tenant *
find_numbered(struct staging *in, uint64_t number)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		struct staging_tenant *t = e->value;

		if (t->open != NULL && t->number == number)
			return t;
	}
	return NULL;
}

static bool
load_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct staging *in = ctx;
	const char *p = data, *end = p + len, *nl;
	struct staging_tenant *t;
	size_t at = 0;

	t = find_numbered(
	    in, key_read_number((struct text){ key, key_len }, &at));
	for (; t != NULL && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			t = NULL;
		else
			(void)is_new_line(
			    t, (struct text){ p, (size_t)(nl - p) });
		if (t == NULL)
			break;
	}
	if (t == NULL)
		state_set_damaged(in->state);
	return t != NULL;
}

int
staging_open(struct staging *in, struct state *state)
{
	in->state = state;
	in->snapshots = state_table(state, "snapshots");
	in->staged = state_table(state, "staged");
	if (state_failed(state))
		return -1;
	lmdb_each(in->snapshots, NULL, 0, load_tenant, in);
	if (!state_failed(state))
		lmdb_each(in->staged, NULL, 0, load_piece, in);
	staging_expire(in);
	return state_failed(state) ? -1 : 0;
}

void
staging_close(struct staging *in)
{
	strmap_release(&in->tenants, free_tenant);
}
