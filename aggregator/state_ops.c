/*
 * state_ops: a commit's changes as bytes, for the log, and made again from
 * them. Numbers are seven bits a byte, the lowest first, the top bit says
 * that more follow:
 *
 *   'T' keys length name             the next table: 0, 1, 2 ...
 *   'P' table length key length data
 *   'A' table length key length data with a key above all others
 *   'U' table length key before behind length data
 *                                    puts what was there with another middle:
 *                                    so many bytes of both ends stay
 *   'D' table length key
 *   'F' table length prefix n        the first n entries
 *   'E' table                        all of them
 *
 * An entry names the tables it changes, so each can be read by itself.
 */
#include "aggregator/state_impl.h"

#include <string.h>

/* What is shorter is noted as it is. */
#define UPDATE_LEAST 32

static void
put_number(struct buf *b, uint64_t n)
{
	for (; n > 127; n >>= 7)
		buf_addc(b, (char)(unsigned char)(n | 128));
	buf_addc(b, (char)n);
}

static void
put_bytes(struct buf *b, const void *data, size_t len)
{
	put_number(b, len);
	buf_add(b, data, len);
}

/* Whether the change is to be noted now. */
static bool
is_noted(struct state *s)
{
	if (s->rc != 0 || s->replaying)
		return false;
	s->changed = true;
	if (s->ops.len > STATE_LOG_MAX / 2) {
		s->unlogged = true;
		buf_release(&s->ops);
	}
	return !s->unlogged;
}

static void
name_table(struct state_table *t)
{
	struct state *s = t->state;

	if (t->named == s->commits + 1)
		return;
	t->named = s->commits + 1;
	t->index = s->named++;
	buf_addc(&s->ops, 'T');
	buf_addc(&s->ops, (char)t->keys);
	put_bytes(&s->ops, t->name, strlen(t->name));
}

static void
begin(struct state_table *t, char what)
{
	name_table(t);
	buf_addc(&t->state->ops, what);
	put_number(&t->state->ops, t->index);
}

void
state_note_table(struct state_table *t)
{
	if (is_noted(t->state))
		name_table(t);
}

/* How many bytes are equal, from the front on. */
static size_t
equal_before(const char *a, const char *b, size_t max)
{
	size_t n = 0;
	uint64_t x, y;

	for (; n + sizeof x <= max; n += sizeof x) {
		memcpy(&x, a + n, sizeof x);
		memcpy(&y, b + n, sizeof y);
		if (x != y)
			break;
	}
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* The same from the end on. */
static size_t
equal_behind(const char *a_end, const char *b_end, size_t max)
{
	size_t n = 0;
	uint64_t x, y;

	for (; n + sizeof x <= max; n += sizeof x) {
		memcpy(&x, a_end - n - sizeof x, sizeof x);
		memcpy(&y, b_end - n - sizeof y, sizeof y);
		if (x != y)
			break;
	}
	while (n < max && a_end[-1 - (ptrdiff_t)n] == b_end[-1 - (ptrdiff_t)n])
		n++;
	return n;
}

/* Of a value that changes in a few places only those; false: of this one
 * that would not be less. */
static bool
note_update(struct state_table *t, const void *key, size_t key_len,
    const char *data, size_t len)
{
	struct buf *ops = &t->state->ops;
	size_t old_len, least, before, behind;
	const char *old;

	if (len < UPDATE_LEAST ||
	    !state_stored(t, key, key_len, &old, &old_len))
		return false;
	least = len < old_len ? len : old_len;
	before = equal_before(data, old, least);
	behind = equal_behind(data + len, old + old_len, least - before);
	if (before + behind < UPDATE_LEAST / 2)
		return false;
	begin(t, 'U');
	put_bytes(ops, key, key_len);
	put_number(ops, before);
	put_number(ops, behind);
	put_bytes(ops, data + before, len - before - behind);
	return true;
}

void
state_note_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, bool append)
{
	if (!is_noted(t->state) ||
	    (!append && note_update(t, key, key_len, data, len)))
		return;
	begin(t, append ? 'A' : 'P');
	put_bytes(&t->state->ops, key, key_len);
	put_bytes(&t->state->ops, data, len);
}

void
state_note_delete(struct state_table *t, const void *key, size_t key_len)
{
	if (!is_noted(t->state))
		return;
	begin(t, 'D');
	put_bytes(&t->state->ops, key, key_len);
}

void
state_note_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max)
{
	if (!is_noted(t->state))
		return;
	begin(t, 'F');
	put_bytes(&t->state->ops, prefix, len);
	put_number(&t->state->ops, max);
}

void
state_note_empty(struct state_table *t)
{
	if (is_noted(t->state))
		begin(t, 'E');
}

/* An entry that is read. */
struct replay {
	struct state *state;
	const char *p, *end;
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
};

static bool
get_number(struct replay *r, size_t *n)
{
	unsigned shift = 0;
	unsigned char c;

	*n = 0;
	do {
		if (r->p == r->end || shift > 56)
			return false;
		c = (unsigned char)*r->p++;
		*n |= (size_t)(c & 127) << shift;
		shift += 7;
	} while (c > 127);
	return true;
}

static bool
get_bytes(struct replay *r, const char **data, size_t *len)
{
	if (!get_number(r, len) || *len > (size_t)(r->end - r->p))
		return false;
	*data = r->p;
	r->p += *len;
	return true;
}

static bool
replay_table(struct replay *r)
{
	char name[64];
	const char *data;
	size_t len;
	char keys;

	if (r->p == r->end || r->tables_n == STATE_TABLES)
		return false;
	keys = *r->p++;
	if (!get_bytes(r, &data, &len) || len >= sizeof name)
		return false;
	memcpy(name, data, len);
	name[len] = '\0';
	r->tables[r->tables_n] = state_table(r->state, name,
	    keys == STATE_NUMBERS ? STATE_NUMBERS : STATE_BYTES);
	return r->tables[r->tables_n++] != NULL;
}

static bool
is_key(const struct state_table *t, size_t len)
{
	return t->keys != STATE_NUMBERS || len == sizeof(uint64_t);
}

static bool
replay_update(
    struct replay *r, struct state_table *t, const char *key, size_t key_len)
{
	struct buf b = BUF_INIT;
	const char *middle;
	const void *old;
	size_t before, behind, len, old_len;

	if (!get_number(r, &before) || !get_number(r, &behind) ||
	    !get_bytes(r, &middle, &len) ||
	    !state_get(t, key, key_len, &old, &old_len) || before > old_len ||
	    behind > old_len - before)
		return false;
	buf_add(&b, old, before);
	buf_add(&b, middle, len);
	buf_add(&b, (const char *)old + old_len - behind, behind);
	state_put(t, key, key_len, b.data, b.len);
	buf_release(&b);
	return true;
}

static bool
replay_change(struct replay *r, char what)
{
	const char *key, *data;
	struct state_table *t;
	size_t i, key_len, len;

	if (!get_number(r, &i) || i >= r->tables_n)
		return false;
	t = r->tables[i];
	if (what == 'E') {
		state_empty(t);
		return true;
	}
	if (!get_bytes(r, &key, &key_len) || !is_key(t, key_len))
		return false;
	switch (what) {
	case 'P':
	case 'A':
		if (!get_bytes(r, &data, &len))
			return false;
		if (what == 'P')
			state_put(t, key, key_len, data, len);
		else
			state_append(t, key, key_len, data, len);
		return true;
	case 'U':
		return replay_update(r, t, key, key_len);
	case 'D':
		state_delete(t, key, key_len);
		return true;
	case 'F':
		return get_number(r, &len) &&
		       state_delete_prefix(t, key, key_len, len) == len;
	default:
		return false;
	}
}

bool
state_replay(void *state, const char *data, size_t len)
{
	struct replay r = { .state = state, .p = data, .end = data + len };
	bool good = true;

	r.state->replaying = true;
	while (good && r.p < r.end) {
		char what = *r.p++;

		good = what == 'T' ? replay_table(&r) : replay_change(&r, what);
	}
	r.state->replaying = false;
	return good && r.state->rc == 0;
}
