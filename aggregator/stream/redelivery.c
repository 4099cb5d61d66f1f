/*
 * redelivery: whether a message of the broker was taken in before; see
 * redelivery.h. It is a list of messages and a hash table of their indices. A
 * dropped entry stays in both until they are rebuilt, so that no other one
 * moves.
 */
#include "aggregator/stream/redelivery.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/digest/checksum.h"

#define LAYOUT 1
#define NONE SIZE_MAX
#define INDEX_MIN 256
/* How many messages with the same bytes and no id are distinguished. */
#define SAME_MAX 64

void
redelivery_init(struct redelivery *t, uint64_t seed)
{
	memset(t, 0, sizeof *t);
	t->seed = seed;
	t->current = NONE;
}

void
redelivery_release(struct redelivery *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->list[i].held);
	free(t->list);
	free(t->index);
	redelivery_init(t, t->seed);
}

/* The slot of the index with that print, or the free one for it. */
static uint32_t *
find_print_slot(const struct redelivery *t, uint64_t print)
{
	size_t i = (size_t)print & (t->index_cap - 1);

	while (t->index[i] != 0 && t->list[t->index[i] - 1].print != print)
		i = (i + 1) & (t->index_cap - 1);
	return &t->index[i];
}

static size_t
find_print(const struct redelivery *t, uint64_t print)
{
	uint32_t at = t->index_cap > 0 ? *find_print_slot(t, print) : 0;

	return at != 0 && !t->list[at - 1].gone ? at - 1 : NONE;
}

static void
drop_delivery(struct redelivery *t, size_t i)
{
	struct redelivery_entry *e = &t->list[i];

	t->named -= e->named && e->acked;
	t->gone++;
	e->gone = true;
	free(e->held);
	e->held = NULL;
	e->held_n = e->held_cap = 0;
}

/* Removes dropped entries, and rebuilds the index. */
static void
compact_entries(struct redelivery *t)
{
	size_t i, n = 0, current = NONE, unacked = NONE;

	for (i = 0; i < t->n; i++) {
		if (i == t->unacked)
			unacked = n;
		if (t->list[i].gone)
			continue;
		if (i == t->current)
			current = n;
		t->list[n++] = t->list[i];
	}
	t->n = n;
	t->gone = 0;
	t->current = current;
	t->unacked = unacked != NONE ? unacked : n;
	t->index_cap = INDEX_MIN;
	while (t->index_cap < 4 * (n + 1))
		t->index_cap *= 2;
	free(t->index);
	t->index = xcalloc(t->index_cap, sizeof *t->index);
	for (i = 0; i < n; i++)
		*find_print_slot(t, t->list[i].print) = (uint32_t)i + 1;
}

static struct redelivery_entry *
append_entry(struct redelivery *t, uint64_t print)
{
	struct redelivery_entry *e;

	if (2 * (t->n + 1) > t->index_cap || 2 * t->gone > t->n + INDEX_MIN)
		compact_entries(t);
	XGROW(t->list, t->n, t->cap);
	e = &t->list[t->n++];
	memset(e, 0, sizeof *e);
	e->print = print;
	*find_print_slot(t, print) = (uint32_t)t->n;
	return e;
}

/* The index and *print of the entry that the message repeats; NONE and the
 * *print of a new entry if it repeats none. */
static size_t
look_up_message(const struct redelivery *t, const struct redelivery_message *m,
    uint64_t *print)
{
	/* The seed is secret, so nobody can make two messages alike. */
	uint64_t bytes = checksum(t->seed, m->body, m->len), same;
	size_t i;

	if (m->id != NULL) {
		*print = checksum(bytes, m->id, strlen(m->id));
		return find_print(t, *print);
	}
	for (same = 0; same < SAME_MAX; same++) {
		*print = checksum(bytes, &same, sizeof same);
		i = find_print(t, *print);
		if (i == NONE)
			return NONE;
		if (m->again && t->list[i].connection != m->connection)
			return i;
	}
	*print = checksum(bytes, &m->connection, sizeof m->connection);
	return NONE;
}

/* An acknowledged message without an id is dropped. */
static void
set_entry_acked(struct redelivery *t, size_t i)
{
	struct redelivery_entry *e = &t->list[i];

	if (!e->named) {
		drop_delivery(t, i);
	} else if (!e->acked) {
		e->acked = true;
		t->named++;
	}
}

/* What came through an earlier connection, and did not come again, was
 * acknowledged. */
static void
sweep_earlier_connections(struct redelivery *t, uint64_t connection)
{
	size_t i;

	t->swept = connection;
	for (i = 0; i < t->n; i++)
		if (!t->list[i].gone && t->list[i].connection != connection)
			set_entry_acked(t, i);
}

uint64_t
redelivery_begin(struct redelivery *t, const struct redelivery_message *m)
{
	struct redelivery_entry old = { .lines = 0 }, *e;
	uint64_t print;
	size_t i;

	if (t->current != NONE &&
	    t->list[t->current].connection == m->connection)
		redelivery_whole(t);
	if (!m->again && t->swept != m->connection)
		sweep_earlier_connections(t, m->connection);
	i = look_up_message(t, m, &print);
	if (i != NONE) {
		old = t->list[i];
		t->list[i].held = NULL;
		drop_delivery(t, i);
	}
	e = append_entry(t, print);
	e->connection = m->connection;
	e->named = m->id != NULL;
	e->dirty = true;
	e->lines = t->before = old.lines;
	e->held = old.held;
	e->held_n = old.held_n;
	e->held_cap = old.held_cap;
	t->current = t->n - 1;
	return t->before;
}

void
redelivery_upto(struct redelivery *t, uint64_t lines)
{
	struct redelivery_entry *e;

	if (t->current == NONE)
		return;
	e = &t->list[t->current];
	if (lines <= e->lines)
		return;
	e->lines = lines;
	e->dirty = true;
}

void
redelivery_whole(struct redelivery *t)
{
	if (t->current != NONE)
		t->list[t->current].whole = true;
	t->current = NONE;
}

void
redelivery_hold(struct redelivery *t, uint64_t line)
{
	struct redelivery_entry *e;

	if (t->current == NONE)
		return;
	e = &t->list[t->current];
	XGROW(e->held, e->held_n, e->held_cap);
	e->held[e->held_n++] = line;
}

bool
redelivery_holds(const struct redelivery *t, uint64_t line)
{
	const struct redelivery_entry *e;
	size_t low = 0, high, middle;

	if (t->current == NONE)
		return false;
	e = &t->list[t->current];
	for (high = e->held_n; low < high;) {
		middle = low + (high - low) / 2;
		if (e->held[middle] == line)
			return true;
		if (e->held[middle] < line)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void
redelivery_flushed(struct redelivery *t)
{
	size_t i;

	for (i = t->unacked; i < t->n; i++)
		t->list[i].flushed = t->list[i].whole;
}

void
redelivery_acked(struct redelivery *t, uint64_t connection)
{
	struct redelivery_entry *e;
	size_t i, first = t->n;

	for (i = t->unacked; i < t->n; i++) {
		e = &t->list[i];
		if (e->gone || e->acked)
			continue;
		if (e->flushed && e->connection == connection) {
			set_entry_acked(t, i);
			continue;
		}
		first = i < first ? i : first;
		/* The next pack then has all that may come again. */
		e->dirty = true;
	}
	t->unacked = first;
	for (i = 0; t->named > REDELIVERY_NAMED; i++)
		if (!t->list[i].gone && t->list[i].named && t->list[i].acked)
			drop_delivery(t, i);
}

static void
pack_entry(const struct redelivery_entry *e, struct buf *to)
{
	size_t i;

	pack_put_fixed(to, e->print);
	pack_put_number(to, e->named);
	pack_put_number(to, e->lines);
	pack_put_number(to, e->held_n);
	for (i = 0; i < e->held_n; i++)
		pack_put_number(to, e->held[i]);
}

size_t
redelivery_pack(struct redelivery *t, bool named, struct buf *to)
{
	struct redelivery_entry *e;
	size_t i, n = 0;

	pack_put_number(to, LAYOUT);
	for (i = named ? t->unacked : 0; i < t->n; i++) {
		e = &t->list[i];
		if (e->gone || e->named != named || (named && !e->dirty))
			continue;
		e->dirty = false;
		pack_entry(e, to);
		n++;
	}
	return n;
}

static int
unpack_entry(struct redelivery *t, struct pack *r)
{
	uint64_t print = pack_fixed(r), named = pack_number(r);
	uint64_t lines = pack_number(r), left = pack_number(r);
	struct redelivery_entry *e;
	size_t i = find_print(t, print);

	if (r->bad || named > 1 || left > (uint64_t)(r->end - r->p))
		return -1;
	if (i != NONE)
		drop_delivery(t, i);
	e = append_entry(t, print);
	e->named = named != 0;
	e->lines = lines;
	e->whole = true;
	for (; left > 0; left--) {
		XGROW(e->held, e->held_n, e->held_cap);
		e->held[e->held_n++] = pack_number(r);
	}
	return r->bad ? -1 : 0;
}

int
redelivery_unpack(struct redelivery *t, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT);

	int n = 0;

	while (!r.bad && r.p < r.end && n < INT32_MAX) {
		if (unpack_entry(t, &r) == -1)
			return -1;
		n++;
	}
	return pack_end(&r) == -1 ? -1 : n;
}
