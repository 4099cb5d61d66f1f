/*
 * staging: see staging.h. With a state, lines are kept in it, so a snapshot may
 * be larger than the prefetch window. Without a state they are kept in memory,
 * and a line that comes twice counts twice.
 *
 *   table      key                     value
 *   snapshots  tenant                  its open snapshot and the latest ones
 *                                      that are over
 *   staged     tenant, number of the   lines as they came; a refused one
 *              snapshot, number of     follows a !
 *              the piece
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

/* How many finished snapshots are remembered for each tenant.
 * Lines of older ones become dead letters if they are delivered again. */
#define OVER_MAX 64

/* Snapshots that have received no line for this long are dropped, because lines
 * are personal data. */
#define EXPIRE_MS (7 * DAY_MS)

/* Lines are put into the state with each flush, or sooner when there are this
 * many bytes. */
#define PIECE_BYTES ((size_t)64 * 1024)

/* Precedes a refused line. No record begins with it. */
#define REFUSED '!'

struct snapshot {
	char *id;
	int64_t at;         /* in its begin marker */
	int64_t records;    /* the number in its end marker; -1 until that
			     * arrives */
	uint64_t lines;     /* that have arrived, without the markers */
	struct dedup seen;  /* all lines so far; unused without a state */
	struct buf pending; /* lines that are not in the state */
	uint64_t number;    /* of the tenant's snapshot in the state */
	uint64_t pieces;    /* the number of pieces in the state */
	int64_t changed_at; /* by the system clock */
};

struct snapshot_over {
	char *id;
	bool applied;
};

struct staging_tenant {
	char *name;
	uint32_t key;                        /* its number in the state */
	uint64_t begun;                      /* snapshots; the newest number */
	struct snapshot *open;               /* NULL: none */
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
		if (s->state != NULL)
			t->key = s->number(s->ctx, name);
		*slot = t;
	}
	return *slot;
}

static struct snapshot *
snapshot_new(void)
{
	struct snapshot *o = xcalloc(1, sizeof *o);

	o->records = -1;
	dedup_init(&o->seen, random_64(), 0);
	return o;
}

static void
free_open(struct staging_tenant *t)
{
	if (t->open == NULL)
		return;
	free(t->open->id);
	dedup_release(&t->open->seen);
	buf_release(&t->open->pending);
	free(t->open);
	t->open = NULL;
}

static void
free_tenant(void *tenant)
{
	struct staging_tenant *t = tenant;

	free_open(t);
	while (t->over_n > 0)
		free(t->over[--t->over_n].id);
	free(t->name);
	free(t);
}

static void
mark_changed(struct staging *s, struct staging_tenant *t)
{
	if (!t->changed && t->open != NULL)
		t->open->changed_at = clock_now_ms();
	t->changed = s->changed = true;
}

/* Snapshots that are over. */

static struct snapshot_over *
find_over(struct staging_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->over_n; i++)
		if (text_is(id, t->over[i].id))
			return &t->over[i];
	return NULL;
}

/* Remembers that the snapshot is over, which may drop the oldest entry. */
static void
set_over(
    struct staging *s, struct staging_tenant *t, struct text id, bool applied)
{
	struct snapshot_over *o = find_over(t, id);

	if (o == NULL && t->over_n == OVER_MAX) {
		free(t->over[0].id);
		t->over_n--;
		memmove(t->over, t->over + 1, t->over_n * sizeof *t->over);
	}
	if (o == NULL) {
		o = &t->over[t->over_n++];
		o->id = text_dup(id);
	}
	o->applied = applied;
	mark_changed(s, t);
}

/* The open snapshot and its lines. */

static bool
is_open(const struct staging_tenant *t, struct text id)
{
	return t->open != NULL && text_is(id, t->open->id);
}

static bool
is_complete(const struct snapshot *o)
{
	return o != NULL && o->records >= 0 && o->lines == (uint64_t)o->records;
}

/* As stream_tenant_key(). */
static struct key
tenant_key(const struct staging_tenant *t)
{
	struct key k = { .len = 0 };

	key_short(&k, t->key, STATE_TENANT_BYTES);
	return k;
}

/* The start of the keys of the open snapshot's lines. */
static struct key
open_key(const struct staging_tenant *t)
{
	struct key k = tenant_key(t);

	key_number(&k, t->open->number);
	return k;
}

static void
put_pending(struct staging *s, const struct staging_tenant *t)
{
	struct snapshot *o = t->open;
	struct key k;

	if (o->pending.len == 0 || s->state == NULL)
		return;
	k = open_key(t);
	key_number(&k, o->pieces++);
	lmdb_put(s->staged, k.bytes, k.len, o->pending.data, o->pending.len);
	buf_clear(&o->pending);
}

/* Ends the open snapshot and removes its lines. */
static void
end_open(struct staging *s, struct staging_tenant *t, bool applied)
{
	struct key k = open_key(t);

	set_over(s, t, text_from(t->open->id), applied);
	if (s->state != NULL)
		(void)lmdb_delete_prefix(s->staged, k.bytes, k.len, SIZE_MAX);
	free_open(t);
}

static bool
has_line(const struct snapshot *o, struct text line)
{
	return dedup_has(&o->seen, dedup_fingerprint(&o->seen, line));
}

static bool
is_new_line(struct snapshot *o, struct text line)
{
	return dedup_add(&o->seen, dedup_fingerprint(&o->seen, line), 0);
}

/* Keeps a line of the open snapshot. False if the snapshot already has this
 * line: a queue delivers lines again, a pipe does not. refused: the line
 * counts, but it will not be read as a record. */
static bool
keep_line(
    struct staging *s, struct staging_tenant *t, struct text line, bool refused)
{
	struct snapshot *o = t->open;

	if (s->state != NULL && !is_new_line(o, line))
		return false;
	if (refused)
		buf_addc(&o->pending, REFUSED);
	buf_add(&o->pending, line.p, line.len);
	buf_addc(&o->pending, '\n');
	if (o->pending.len >= PIECE_BYTES)
		put_pending(s, t);
	mark_changed(s, t);
	return true;
}

/* Applying a complete snapshot. */

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
		   : r->type == RECORD_OPERATOR || r->type == RECORD_CHAT ||
			 r->type == RECORD_COVERAGE || r->type == RECORD_NAME;
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
	buf_add(&g->piece, data, len);
	buf_add(&g->piece, zeros, LINES_BEHIND);
	memset(&r, 0, sizeof r);
	scan_block(&g->scan, g->piece.data, len);
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

/* Reads all lines. An incremental model needs what the messages depend on
 * before the messages, so a stream reads them twice. */
static int
read_snapshot(struct staging *s, const struct staging_tenant *t, void *tenant)
{
	struct reading g = { .staging = s, .tenant = tenant };
	struct key k = open_key(t);

	scan_init(&g.scan);
	put_pending(s, t);
	if (s->state == NULL) {
		read_lines(&t->open->pending, &g);
	} else {
		lmdb_each(s->staged, k.bytes, k.len, read_piece, &g);
		g.messages = true;
		if (!g.failed)
			lmdb_each(s->staged, k.bytes, k.len, read_piece, &g);
	}
	scan_release(&g.scan);
	buf_release(&g.piece);
	return g.failed ? -1 : 0;
}

/* Applies the tenant's snapshot if it is complete. */
static int
apply_tenant(struct staging *s, struct staging_tenant *t)
{
	struct snapshot *o = t->open;
	void *tenant;

	if (!is_complete(o))
		return 0;
	tenant = s->begin(s->ctx, text_from(t->name), o->at);
	if (read_snapshot(s, t, tenant) == -1)
		return -1;
	if (s->state != NULL && state_failed(s->state))
		return 0; /* The commit will fail, too. */
	s->end(tenant, o->id);
	FAULT_POINT("aggregator.snapshot_applied");
	if (s->state != NULL)
		log_info("snapshot_done",
		    "tenant=%s snapshot=%s lines=%" PRIu64, t->name, o->id,
		    o->lines);
	if (o->at > t->over_at)
		t->over_at = o->at;
	end_open(s, t, true);
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

	return t != NULL && is_complete(t->open);
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
	const struct snapshot *o = t->open;
	const char *end = kept ? KEPT : UNUSED;

	if (o->records >= 0)
		log_error("snapshot '%s' of tenant '%s' is incomplete: %" PRIu64
			  " records arrived before %s, its end marker says "
			  "%" PRId64 "%s",
		    o->id, t->name, o->lines, before, o->records, end);
	else
		log_error("snapshot '%s' of tenant '%s' is incomplete: no end "
			  "marker arrived before %s%s",
		    o->id, t->name, before, end);
	s->failed++;
}

static void
drop_unfinished(
    struct staging *s, struct staging_tenant *t, const struct record *next)
{
	if (is_open(t, next->snapshot)) {
		log_error("snapshot '%s' of tenant '%s' is incomplete: it "
			  "began again before it was complete; what arrived "
			  "before that is ignored",
		    t->open->id, t->name);
		s->failed++;
	} else {
		log_unfinished(s, t, "another snapshot began", false);
	}
	end_open(s, t, false);
}

static void
begin_snapshot(struct staging *s, struct staging_tenant *t, struct text line,
    const struct record *r)
{
	if (t->open != NULL)
		drop_unfinished(s, t, r);
	t->open = snapshot_new();
	t->open->id = text_dup(r->snapshot);
	t->open->at = r->at;
	t->open->changed_at = clock_now_ms();
	t->open->number = ++t->begun;
	(void)keep_line(s, t, line, false);
}

static enum outcome
refuse(struct staging *s, struct text line, const char *why)
{
	return s->refuse(s->ctx, line.p, line.len, why);
}

static enum outcome
add_begin_marker(struct staging *s, struct staging_tenant *t, struct text line,
    struct record *r)
{
	const char *ahead;
	enum outcome o = OUTCOME_DONE;

	if (is_open(t, r->snapshot) && has_line(t->open, line))
		return OUTCOME_DONE;
	if (apply_tenant(s, t) == -1)
		return OUTCOME_NEVER;
	if (find_over(t, r->snapshot) != NULL) {
		/* A pipe repeats a snapshot as a whole. */
		if (s->state == NULL)
			set_over(s, t, r->snapshot, false);
		return OUTCOME_DONE;
	}
	if (r->at < t->over_at || (t->open != NULL && r->at < t->open->at)) {
		log_warn("snapshot '%.*s' of tenant '%s' is older than an "
			 "earlier one and was ignored",
		    TEXT_ARG(r->snapshot), t->name);
		set_over(s, t, r->snapshot, false);
		return OUTCOME_DONE;
	}
	ahead = future_refuses(s->future, r);
	if (ahead == NULL) {
		begin_snapshot(s, t, line, r);
		return OUTCOME_DONE;
	}
	o = refuse(s, line, ahead);
	if (o != OUTCOME_DONE)
		return o;
	s->ahead++;
	set_over(s, t, r->snapshot, false);
	return OUTCOME_DONE;
}

/* Adds a line to the open snapshot. end: the end marker if the line is one,
 * else NULL. */
static void
add_to_open(struct staging *s, struct staging_tenant *t, struct text line,
    const struct record *end, bool refused)
{
	if (!keep_line(s, t, line, refused))
		return;
	if (end != NULL)
		t->open->records = end->records;
	else
		t->open->lines++;
	s->ready = s->ready || is_complete(t->open);
}

/* Adds a record of the open snapshot. A record from the future is refused,
 * but counts as a line. */
static enum outcome
add_line(struct staging *s, struct staging_tenant *t, struct text line,
    struct record *r)
{
	const char *ahead = future_refuses(s->future, r);
	enum outcome o = OUTCOME_DONE;

	if (ahead != NULL && !has_line(t->open, line)) {
		o = refuse(s, line, ahead);
		s->ahead += o == OUTCOME_DONE;
	}
	if (o == OUTCOME_DONE)
		add_to_open(s, t, line, r->type == RECORD_SNAPSHOT ? r : NULL,
		    ahead != NULL);
	return o;
}

static enum outcome
add_record(struct staging *s, struct text line, struct record *r)
{
	struct staging_tenant *t = get_tenant(s, r->tenant);
	const struct snapshot_over *over;

	if (r->type == RECORD_SNAPSHOT && r->state == SNAPSHOT_BEGIN)
		return add_begin_marker(s, t, line, r);
	if (is_open(t, r->snapshot))
		return add_line(s, t, line, r);
	over = find_over(t, r->snapshot);
	if (over == NULL)
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
	enum outcome o;

	if (tenant.p != NULL && snapshot.p != NULL)
		t = strmap_get(&s->tenants, tenant.p, tenant.len);
	if (t != NULL && !is_open(t, snapshot))
		t = NULL;
	if (t != NULL && has_line(t->open, line))
		return OUTCOME_DONE;
	o = refuse(s, line, why);
	if (o == OUTCOME_DONE && t != NULL)
		add_to_open(s, t, line, NULL, true);
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

	if (t == NULL || t->open == NULL)
		return;
	log_warn("snapshot '%s' of tenant '%s' is ignored: a customer was "
		 "erased while it arrived",
	    t->open->id, t->name);
	end_open(s, t, false);
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
		if (t->open != NULL && (!kept || t->open->records >= 0))
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
		if (t->open == NULL ||
		    t->open->changed_at > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("removed the unfinished snapshot '%s' of tenant '%s': "
			 "no further records arrived for a week",
		    t->open->id, t->name);
		end_open(s, t, false);
	}
}

/* The tables of the state. */

static void
code_open(struct pack *k, struct snapshot *o)
{
	code_string(k, &o->id);
	code_signed(k, &o->at);
	code_signed(k, &o->records);
	code_number(k, &o->lines);
	code_number(k, &o->number);
	code_number(k, &o->pieces);
	code_signed(k, &o->changed_at);
}

static void
code_tenant(struct pack *k, struct staging_tenant *t)
{
	uint32_t n = (uint32_t)t->over_n;
	bool open = t->open != NULL;

	code_number(k, &t->begun);
	code_signed(k, &t->over_at);
	code_limited(k, &n, OVER_MAX);
	for (t->over_n = 0; t->over_n < n; t->over_n++) {
		code_string(k, &t->over[t->over_n].id);
		code_flag(k, &t->over[t->over_n].applied);
	}
	code_flag(k, &open);
	if (open && t->open == NULL)
		t->open = snapshot_new();
	if (open)
		code_open(k, t->open);
}

void
staging_save(struct staging *s)
{
	const struct strmap_entry *e;
	struct buf packed = BUF_INIT;
	struct key key;
	struct pack k;
	size_t i = 0;

	while (s->changed && (e = strmap_next(&s->tenants, &i)) != NULL) {
		struct staging_tenant *t = e->value;

		if (!t->changed)
			continue;
		if (t->open != NULL)
			put_pending(s, t);
		buf_clear(&packed);
		k = pack_write(&packed);
		code_tenant(&k, t);
		key = tenant_key(t);
		lmdb_put(
		    s->snapshots, key.bytes, key.len, packed.data, packed.len);
		t->changed = false;
	}
	s->changed = false;
	buf_release(&packed);
}

struct loading {
	struct staging *staging;
	struct snapshot *open; /* NULL: the tenant has none */
};

static bool
load_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	const struct loading *l = ctx;
	const char *p = data, *end = p + len, *nl;
	size_t at = STATE_TENANT_BYTES;
	uint64_t number = key_read_number((struct text){ key, key_len }, &at);

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (l->open == NULL || l->open->number != number ||
		    nl == NULL) {
			state_set_damaged(l->staging->state);
			return false;
		}
		if (*p == REFUSED)
			p++;
		(void)is_new_line(
		    l->open, (struct text){ p, (size_t)(nl - p) });
	}
	return true;
}

static void
unpack_tenant(
    struct staging *s, struct staging_tenant *t, const void *data, size_t len)
{
	struct pack r = pack_open_bare(data, len);

	code_tenant(&r, t);
	if (pack_end(&r) == -1)
		state_set_damaged(s->state);
	else if (t->open != NULL)
		log_info("snapshot_resumed", "tenant=%s snapshot=%s", t->name,
		    t->open->id);
}

void
staging_load(struct staging *s, struct text tenant)
{
	struct loading l = { s, NULL };
	struct staging_tenant *t;
	const void *data = NULL;
	size_t len = 0;
	struct key k = { .len = 0 };

	key_short(&k, s->number(s->ctx, tenant), STATE_TENANT_BYTES);
	if (lmdb_get(s->snapshots, k.bytes, k.len, &data, &len)) {
		t = get_tenant(s, tenant);
		unpack_tenant(s, t, data, len);
		l.open = t->open;
	}
	lmdb_each(s->staged, k.bytes, k.len, load_piece, &l);
}

void
staging_open(struct staging *s, struct state *state)
{
	s->state = state;
	s->snapshots = state_table(state, "snapshots");
	s->staged = state_table(state, "staged");
}

void
staging_close(struct staging *s)
{
	strmap_release(&s->tenants, free_tenant);
}

/* Appends the line without the field `snapshot`, and with these times unless
 * they are CLOCK_NONE. */
static void
restate(struct buf *to, const char *line, size_t len, int64_t at,
    int64_t updated_at)
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
			if (text_is(key, "snapshot") ||
			    (updated_at != CLOCK_NONE &&
				text_is(key, "updated_at")))
				continue;
			if (at != CLOCK_NONE && text_is(key, "at")) {
				jsonw_time(to, "at", at);
				continue;
			}
			raw = flat_raw(x, &n);
			jsonw_name(to, x->key, x->key_len);
			buf_add(to, raw, n);
		}
		if (updated_at != CLOCK_NONE)
			jsonw_time(to, "updated_at", updated_at);
		jsonw_line(to);
	}
	flat_release(&f);
	buf_release(&why);
}

bool
staging_restate(struct buf *to, const struct model *m, const struct record *r,
    const char *line, size_t len)
{
	bool moved = r->type == RECORD_MESSAGE && m->known_at != r->at;
	int64_t updated_at = CLOCK_NONE;

	if (m->known_revision > 0)
		updated_at = (int64_t)m->known_revision;
	if (!moved && r->snapshot.p == NULL && updated_at == CLOCK_NONE)
		return false;
	restate(to, line, len, moved ? m->known_at : CLOCK_NONE, updated_at);
	return true;
}
