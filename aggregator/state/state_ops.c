/*
 * state_ops: a commit's changes as bytes, for the log, and made again from
 * them (pack.h):
 *
 *   'T' keys name         the next table: 0, 1, 2 ...
 *   'P' table key data
 *   'A' table key data    with a key above all others
 *   'U' table key before behind data
 *                         puts what was there with another middle: so many
 *                         bytes of both ends stay
 *   'D' table key
 *   'F' table prefix n    the first n entries
 *   'E' table             all of them
 *
 * An entry names the tables it changes, so each can be read by itself.
 */
#include "aggregator/state/state_impl.h"

#include <string.h>

#include "common/containers/pack.h"

/* What is shorter is noted as it is. */
#define UPDATE_LEAST 32

static void
put_op_bytes(struct buf *b, const void *data, size_t len)
{
	pack_put_text(b, (struct text){ len > 0 ? data : "", len });
}

/* Whether the change is to be noted now. */
static bool
is_change_logged(struct state *s)
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
put_table_name(struct state_table *t)
{
	struct state *s = t->state;

	if (t->named == s->commits + 1)
		return;
	t->named = s->commits + 1;
	t->index = s->named++;
	pack_put_number(&s->ops, 'T');
	pack_put_number(&s->ops, (uint64_t)t->keys);
	put_op_bytes(&s->ops, t->name, strlen(t->name));
}

static void
begin_op(struct state_table *t, unsigned what)
{
	put_table_name(t);
	pack_put_number(&t->state->ops, what);
	pack_put_number(&t->state->ops, t->index);
}

void
state_ops_table(struct state_table *t)
{
	if (is_change_logged(t->state))
		put_table_name(t);
}

/* How many bytes are equal, from the front on. */
static size_t
equal_prefix_len(const char *a, const char *b, size_t max)
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
equal_suffix_len(const char *a_end, const char *b_end, size_t max)
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
put_update(struct state_table *t, const void *key, size_t key_len,
    const char *data, size_t len)
{
	struct buf *ops = &t->state->ops;
	size_t old_len, least, before, behind;
	const char *old;

	if (len < UPDATE_LEAST ||
	    !state_get_stored(t, key, key_len, &old, &old_len))
		return false;
	least = len < old_len ? len : old_len;
	before = equal_prefix_len(data, old, least);
	behind = equal_suffix_len(data + len, old + old_len, least - before);
	if (before + behind < UPDATE_LEAST / 2)
		return false;
	begin_op(t, 'U');
	put_op_bytes(ops, key, key_len);
	pack_put_number(ops, before);
	pack_put_number(ops, behind);
	put_op_bytes(ops, data + before, len - before - behind);
	return true;
}

void
state_ops_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, bool append)
{
	if (!is_change_logged(t->state) ||
	    (!append && put_update(t, key, key_len, data, len)))
		return;
	begin_op(t, append ? 'A' : 'P');
	put_op_bytes(&t->state->ops, key, key_len);
	put_op_bytes(&t->state->ops, data, len);
}

void
state_ops_delete(struct state_table *t, const void *key, size_t key_len)
{
	if (!is_change_logged(t->state))
		return;
	begin_op(t, 'D');
	put_op_bytes(&t->state->ops, key, key_len);
}

void
state_ops_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max)
{
	if (!is_change_logged(t->state))
		return;
	begin_op(t, 'F');
	put_op_bytes(&t->state->ops, prefix, len);
	pack_put_number(&t->state->ops, max);
}

void
state_ops_empty(struct state_table *t)
{
	if (is_change_logged(t->state))
		begin_op(t, 'E');
}

/* An entry that is read. */
struct ops_replay {
	struct state *state;
	struct pack in;
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
};

static bool
replay_table(struct ops_replay *r)
{
	uint64_t keys = pack_number(&r->in);
	struct text t = pack_text(&r->in);
	char name[64];

	if (r->in.bad || keys > STATE_NUMBERS || t.len >= sizeof name ||
	    r->tables_n == STATE_TABLES)
		return false;
	memcpy(name, t.p, t.len);
	name[t.len] = '\0';
	r->tables[r->tables_n] =
	    state_table(r->state, name, (enum state_keys)keys);
	return r->tables[r->tables_n++] != NULL;
}

static bool
is_key_len(const struct state_table *t, size_t len)
{
	return t->keys != STATE_NUMBERS || len == sizeof(uint64_t);
}

static bool
replay_update(struct ops_replay *r, struct state_table *t, struct text key)
{
	uint64_t before = pack_number(&r->in), behind = pack_number(&r->in);
	struct text middle = pack_text(&r->in);
	struct buf b = BUF_INIT;
	const void *old;
	size_t old_len;

	if (middle.p == NULL || !state_get(t, key.p, key.len, &old, &old_len) ||
	    before > old_len || behind > old_len - before)
		return false;
	buf_add(&b, old, before);
	buf_add(&b, middle.p, middle.len);
	buf_add(&b, (const char *)old + old_len - behind, behind);
	state_put(t, key.p, key.len, b.data, b.len);
	buf_release(&b);
	return true;
}

static bool
replay_put(
    struct ops_replay *r, struct state_table *t, struct text key, bool append)
{
	struct text data = pack_text(&r->in);

	if (data.p == NULL)
		return false;
	if (append)
		state_append(t, key.p, key.len, data.p, data.len);
	else
		state_put(t, key.p, key.len, data.p, data.len);
	return true;
}

static bool
replay_prefix(struct ops_replay *r, struct state_table *t, struct text prefix)
{
	uint64_t n = pack_number(&r->in);

	return !r->in.bad &&
	       state_delete_prefix(t, prefix.p, prefix.len, n) == n;
}

static bool
replay_change(struct ops_replay *r, uint64_t what)
{
	uint64_t i = pack_number(&r->in);
	struct state_table *t;
	struct text key;

	if (r->in.bad || i >= r->tables_n)
		return false;
	t = r->tables[i];
	if (what == 'E') {
		state_empty(t);
		return true;
	}
	key = pack_text(&r->in);
	if (key.p == NULL || !is_key_len(t, key.len))
		return false;
	switch (what) {
	case 'P':
	case 'A':
		return replay_put(r, t, key, what == 'A');
	case 'U':
		return replay_update(r, t, key);
	case 'D':
		state_delete(t, key.p, key.len);
		return true;
	case 'F':
		return replay_prefix(r, t, key);
	default:
		return false;
	}
}

bool
state_replay(void *state, const char *data, size_t len)
{
	struct ops_replay r = { .state = state,
		.in = pack_open_bare(data, len) };
	bool good = true;
	uint64_t what;

	r.state->replaying = true;
	while (good && pack_more(&r.in)) {
		what = pack_number(&r.in);
		good = what == 'T' ? replay_table(&r) : replay_change(&r, what);
	}
	r.state->replaying = false;
	return good && pack_end(&r.in) == 0 && r.state->rc == 0;
}
