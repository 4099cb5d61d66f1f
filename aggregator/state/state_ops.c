/*
 * state_ops: the changes of a commit as bytes (pack.h), for the log;
 * state_replay.c reads them:
 *
 *   'T' keys name         the next table: 0, 1, 2 ...
 *   'P' table key data
 *   'A' table key data    with a key above all others
 *   'U' table key before behind data
 *                         the old value with another middle: `before` bytes
 *                         of its begin and `behind` of its end stay
 *   'D' table key
 *   'F' table prefix n    the first n entries
 *   'E' table             all of them
 *
 * An entry names the tables it changes, so each can be read by itself.
 */
#include "aggregator/state/state_impl.h"

#include <string.h>

#include "common/containers/pack.h"

/* In bytes. A shorter value is logged whole. */
#define UPDATE_LEAST 32

static void
put_op_bytes(struct buf *b, const void *data, size_t len)
{
	pack_put_text(b, (struct text){ len > 0 ? data : "", len });
}

/* Registers a change. True if it is to be logged. */
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

/* How many bytes are equal at the begin. */
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

/* The same at the end. */
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

/* Logs only the part of a value that changes. False: that would not be
 * shorter. */
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
