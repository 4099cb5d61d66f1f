/*
 * snapshots: see snapshots.h.
 */
#include "aggregator/input/snapshots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/digest/random.h"

#include "aggregator/containers/key.h"

#define EXPIRE_MS (7 * DAY_MS)

/* Lines are put into the state with each flush, or sooner when there are this
 * many bytes. */
#define PIECE_BYTES ((size_t)64 * 1024)

/* Precedes a refused line. No record begins with it. */
#define REFUSED '!'

struct tenant_snapshots *
snapshots_tenant(struct snapshots *s, struct text name)
{
	void **slot = strmap_put(&s->tenants, name.p, name.len);
	struct tenant_snapshots *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->over_at = CLOCK_NONE;
		*slot = t;
	}
	return *slot;
}

static void
close_snapshot(struct tenant_snapshots *t)
{
	size_t i;

	free(t->id);
	t->id = NULL;
	dedup_release(&t->lines);
	memset(&t->lines, 0, sizeof t->lines);
	for (i = 0; i < SNAPSHOT_PARTS; i++)
		buf_release(&t->parts[i].pending);
	memset(t->parts, 0, sizeof t->parts);
}

static void
free_tenant(void *tenant)
{
	struct tenant_snapshots *t = tenant;

	close_snapshot(t);
	while (t->over_n > 0)
		free(t->over[--t->over_n].id);
	free(t->name);
	free(t);
}

static void
mark_changed(struct snapshots *s, struct tenant_snapshots *t)
{
	if (!t->changed)
		t->changed_at = clock_now_ms();
	t->changed = s->changed = true;
}

/* Finished snapshots. */

struct snapshot_over *
snapshots_find_over(struct tenant_snapshots *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->over_n; i++)
		if (text_is(id, t->over[i].id))
			return &t->over[i];
	return NULL;
}

bool
snapshot_is_over(const struct snapshot_over *o, unsigned part)
{
	return o != NULL &&
	       (!o->applied || !o->in_parts ||
		   (part != SNAPSHOT_WHOLE && bucket_set_has(&o->parts, part)));
}

/* Returns the entry of a snapshot. Creates a missing entry, which may drop the
 * oldest one. */
static struct snapshot_over *
get_over(struct tenant_snapshots *t, struct text id)
{
	struct snapshot_over *o = snapshots_find_over(t, id);

	if (o != NULL)
		return o;
	if (t->over_n == SNAPSHOTS_OVER) {
		free(t->over[0].id);
		t->over_n--;
		memmove(t->over, t->over + 1, t->over_n * sizeof *t->over);
	}
	o = &t->over[t->over_n++];
	*o = (struct snapshot_over){ .id = text_dup(id) };
	return o;
}

void
snapshots_ignore(
    struct snapshots *s, struct tenant_snapshots *t, struct text id)
{
	get_over(t, id)->applied = false;
	mark_changed(s, t);
}

/* The unfinished snapshot and its lines. */

bool
snapshots_is_open(const struct tenant_snapshots *t, struct text id)
{
	return t->id != NULL && text_is(id, t->id);
}

bool
snapshot_part_is_whole(const struct snapshot_part *p)
{
	return p->begun && !p->applied && p->records >= 0 &&
	       p->lines == (uint64_t)p->records;
}

bool
snapshots_has_whole_part(const struct tenant_snapshots *t)
{
	size_t i;

	if (t->id == NULL)
		return false;
	for (i = 0; i < SNAPSHOT_PARTS; i++)
		if (snapshot_part_is_whole(&t->parts[i]))
			return true;
	return false;
}

static void
begin_key(struct key *k, const struct tenant_snapshots *t)
{
	k->len = 0;
	key_number(k, t->number);
}

static void
put_pending(struct snapshots *s, struct tenant_snapshots *t, unsigned part)
{
	struct buf *lines = &t->parts[part].pending;
	struct key k;

	if (lines->len == 0 || s->state == NULL)
		return;
	begin_key(&k, t);
	key_byte(&k, part);
	key_number(&k, t->pieces++);
	lmdb_put(s->staged, k.bytes, k.len, lines->data, lines->len);
	buf_clear(lines);
}

static void
delete_part(struct snapshots *s, struct tenant_snapshots *t, unsigned part)
{
	struct key k;

	buf_release(&t->parts[part].pending);
	if (s->state == NULL)
		return;
	begin_key(&k, t);
	key_byte(&k, part);
	(void)lmdb_delete_prefix(s->staged, k.bytes, k.len, SIZE_MAX);
}

void
snapshots_drop(struct snapshots *s, struct tenant_snapshots *t)
{
	struct key k;

	begin_key(&k, t);
	if (s->state != NULL)
		(void)lmdb_delete_prefix(s->staged, k.bytes, k.len, SIZE_MAX);
	close_snapshot(t);
	mark_changed(s, t);
}

static struct fingerprint
print_of_line(const struct tenant_snapshots *t, struct text line)
{
	return dedup_fingerprint(&t->lines, line);
}

bool
snapshots_has_line(const struct tenant_snapshots *t, struct text line)
{
	return t->lines.open && dedup_has(&t->lines, print_of_line(t, line));
}

static bool
is_new_line(struct tenant_snapshots *t, struct text line)
{
	if (!t->lines.open)
		dedup_init(&t->lines, random_64(), 0);
	return dedup_add(&t->lines, print_of_line(t, line), 0);
}

bool
snapshots_add_line(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, struct text line, bool refused)
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

void
snapshots_begin(struct snapshots *s, struct tenant_snapshots *t, struct text id,
    int64_t at, bool in_parts)
{
	t->id = text_dup(id);
	t->at = at;
	t->in_parts = in_parts;
	t->pieces = 0;
	if (s->state != NULL) {
		t->number = (uint64_t)state_number(s->state, "snapshot", 0) + 1;
		state_set_number(s->state, "snapshot", (int64_t)t->number);
	}
}

void
snapshots_begin_part(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, struct text line)
{
	t->parts[part] = (struct snapshot_part){ .begun = true, .records = -1 };
	(void)snapshots_add_line(s, t, part, line, false);
}

/* Reads lines that are in memory, in pieces. */
static void
read_lines(const struct buf *lines, lmdb_entry_fn *piece, void *ctx)
{
	const char *p = buf_str(lines), *end = p + lines->len, *to;

	for (; p < end; p = to) {
		to = end;
		if ((size_t)(end - p) > PIECE_BYTES)
			to = (const char *)memchr(p + PIECE_BYTES - 1, '\n',
				 (size_t)(end - p) - PIECE_BYTES + 1) +
			     1;
		if (!piece(ctx, NULL, 0, p, (size_t)(to - p)))
			return;
	}
}

void
snapshots_read_part(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, lmdb_entry_fn *piece, void *ctx)
{
	struct key k;

	if (s->state == NULL) {
		read_lines(&t->parts[part].pending, piece, ctx);
		return;
	}
	put_pending(s, t, part);
	begin_key(&k, t);
	key_byte(&k, part);
	lmdb_each(s->staged, k.bytes, k.len, piece, ctx);
}

void
snapshots_finish_parts(struct snapshots *s, struct tenant_snapshots *t)
{
	struct snapshot_over *over = get_over(t, text_from(t->id));
	size_t left = 0, n = 0;
	uint64_t lines = 0;
	unsigned i;

	over->applied = true;
	over->in_parts = t->in_parts;
	for (i = 0; i < SNAPSHOT_PARTS; i++) {
		struct snapshot_part *p = &t->parts[i];

		if (snapshot_part_is_whole(p)) {
			p->applied = true;
			lines += p->lines;
			n++;
			delete_part(s, t, i);
			if (i != SNAPSHOT_WHOLE)
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
code_open_snapshot(struct pack *k, struct tenant_snapshots *t)
{
	struct snapshot_part *p;

	code_string(k, &t->id);
	code_signed(k, &t->at);
	code_flag(k, &t->in_parts);
	code_number(k, &t->number);
	code_number(k, &t->pieces);
	code_signed(k, &t->changed_at);
	for (p = t->parts; p < t->parts + SNAPSHOT_PARTS; p++) {
		code_flag(k, &p->begun);
		code_flag(k, &p->applied);
		code_signed(k, &p->records);
		code_number(k, &p->lines);
	}
}

static void
code_tenant(struct pack *k, struct tenant_snapshots *t)
{
	uint32_t n = (uint32_t)t->over_n;
	bool open = t->id != NULL;

	code_signed(k, &t->over_at);
	code_limited(k, &n, SNAPSHOTS_OVER);
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
snapshots_expire(struct snapshots *s)
{
	const struct strmap_entry *e;
	struct tenant_snapshots *t;
	size_t i = 0;

	while ((e = strmap_next(&s->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id == NULL || t->changed_at > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("removed the unfinished snapshot '%s' of tenant '%s': "
			 "no further records arrived for a week",
		    t->id, t->name);
		snapshots_drop(s, t);
	}
}

void
snapshots_save(struct snapshots *s)
{
	const struct strmap_entry *e;
	struct buf packed = BUF_INIT;
	struct pack k;
	size_t i = 0;
	unsigned part;

	while (s->changed && (e = strmap_next(&s->tenants, &i)) != NULL) {
		struct tenant_snapshots *t = e->value;

		if (!t->changed)
			continue;
		for (part = 0; part < SNAPSHOT_PARTS; part++)
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
	struct snapshots *s = ctx;
	struct tenant_snapshots *t =
	    snapshots_tenant(s, (struct text){ key, key_len });
	struct pack r = pack_open_bare(data, len);

	code_tenant(&r, t);
	if (pack_end(&r) == -1)
		state_set_damaged(s->state);
	return !state_failed(s->state);
}

/* Returns the tenant whose unfinished snapshot has that number. */
static struct tenant_snapshots *
find_numbered(struct snapshots *s, uint64_t number)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->tenants, &i)) != NULL) {
		struct tenant_snapshots *t = e->value;

		if (t->id != NULL && t->number == number)
			return t;
	}
	return NULL;
}

static bool
load_piece(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct snapshots *s = ctx;
	const char *p = data, *end = p + len, *nl;
	struct tenant_snapshots *t;
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
snapshots_open(struct snapshots *s, struct state *state)
{
	s->state = state;
	s->snapshots = state_table(state, "snapshots");
	s->staged = state_table(state, "staged");
	if (state_failed(state))
		return -1;
	lmdb_each(s->snapshots, NULL, 0, load_tenant, s);
	if (!state_failed(state))
		lmdb_each(s->staged, NULL, 0, load_piece, s);
	snapshots_expire(s);
	return state_failed(state) ? -1 : 0;
}

void
snapshots_close(struct snapshots *s)
{
	strmap_release(&s->tenants, free_tenant);
}
