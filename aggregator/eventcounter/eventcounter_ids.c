/*
 * eventcounter_ids: see eventcounter_ids.h. In the state each set has a table
 * of runs; a run is the fingerprints of one commit in the order they came: it
 * is appended in one piece, and the table is read in one pass and emptied as a
 * whole.
 */
#include "aggregator/eventcounter/eventcounter_ids.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/digest/random.h"

#define FIRST_SLOTS 1024

/* Never all zero bits: that is an empty slot. */
static struct keyed_hash
fingerprint(const uint64_t seed[2], const char *id, size_t len)
{
	struct keyed_hash f = keyed_hash(seed, id, len);

	f.b |= f.a == 0 && f.b == 0;
	return f;
}

/* The slot of the fingerprint, or the empty one where it goes. */
static struct keyed_hash *
idset_find(const struct idset *set, struct keyed_hash f)
{
	size_t i = (size_t)f.a & (set->cap - 1);

	while ((set->slots[i].a != 0 || set->slots[i].b != 0) &&
	       (set->slots[i].a != f.a || set->slots[i].b != f.b))
		i = (i + 1) & (set->cap - 1);
	return &set->slots[i];
}

static bool
idset_has(const struct idset *set, struct keyed_hash f)
{
	const struct keyed_hash *slot;

	if (set->n == 0)
		return false;
	slot = idset_find(set, f);
	return slot->a != 0 || slot->b != 0;
}

static void
idset_grow(struct idset *set)
{
	struct idset more = { .cap = set->cap > 0 ? 2 * set->cap : FIRST_SLOTS,
		.n = set->n };
	size_t i;

	more.slots = xcalloc(more.cap, sizeof *more.slots);
	for (i = 0; i < set->cap; i++)
		if (set->slots[i].a != 0 || set->slots[i].b != 0)
			*idset_find(&more, set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = more;
}

static bool
idset_insert(struct idset *set, struct keyed_hash f)
{
	if (2 * (set->n + 1) > set->cap)
		idset_grow(set);
	if (idset_has(set, f))
		return false;
	*idset_find(set, f) = f;
	set->n++;
	return true;
}

struct loading {
	struct state *state;
	struct idset *set;
};

static bool
load_idset_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct pack r = pack_open_bare(data, len);
	struct loading *l = ctx;
	struct keyed_hash f;

	(void)key;
	(void)key_len;
	while (pack_more(&r)) {
		f.a = pack_fixed(&r);
		f.b = pack_fixed(&r);
		if (!r.bad)
			(void)idset_insert(l->set, f);
	}
	if (pack_end(&r) == -1)
		state_set_damaged(l->state);
	return !r.bad;
}

static void
load_idset(struct ids *ids, int64_t number, struct idset *set)
{
	struct loading l = { ids->state, set };

	state_each(ids->tables[number & 1], NULL, 0, load_idset_run, &l);
}

void
ids_open(struct ids *ids, struct state *state)
{
	static const char *const names[2] = { "ids.0", "ids.1" };
	int64_t now = clock_now_ms();
	size_t i;

	ids->state = state;
	ids->begun_ms = now;
	if (state == NULL) {
		random_fill(ids->seed, sizeof ids->seed);
		return;
	}
	state_seed(state, ids->seed);
	ids->number = state_number(state, "ids_generation", 0);
	ids->begun_ms = state_number(state, "ids_begun", now);
	for (i = 0; i < 2; i++)
		ids->tables[i] = state_table(state, names[i], STATE_NUMBERS);
	if (state_failed(state))
		return;
	load_idset(ids, ids->number, &ids->young);
	load_idset(ids, ids->number + 1, &ids->old);
	if (state_last_number(ids->tables[ids->number & 1], &ids->runs))
		ids->runs++;
}

void
ids_release(struct ids *ids)
{
	free(ids->young.slots);
	free(ids->old.slots);
	buf_release(&ids->unsaved);
	memset(ids, 0, sizeof *ids);
}

bool
ids_add(struct ids *ids, const char *id, size_t len)
{
	struct keyed_hash f = fingerprint(ids->seed, id, len);

	if (idset_has(&ids->old, f) || !idset_insert(&ids->young, f))
		return false;
	if (ids->state != NULL) {
		pack_put_fixed(&ids->unsaved, f.a);
		pack_put_fixed(&ids->unsaved, f.b);
	}
	return true;
}

static void
begin_window(struct ids *ids, int64_t now)
{
	ids->begun_ms = now;
	if (ids->state != NULL)
		state_set_number(ids->state, "ids_begun", now);
}

static void
turn_over(struct ids *ids, int64_t now)
{
	free(ids->old.slots);
	ids->old = ids->young;
	memset(&ids->young, 0, sizeof ids->young);
	ids->number++;
	ids->runs = 0;
	begin_window(ids, now);
	if (ids->state == NULL)
		return;
	state_empty(ids->tables[ids->number & 1]);
	state_set_number(ids->state, "ids_generation", ids->number);
}

void
ids_save(struct ids *ids)
{
	int64_t now = clock_now_ms();

	if (ids->unsaved.len > 0) {
		if (ids->runs == 0)
			state_set_number(
			    ids->state, "ids_begun", ids->begun_ms);
		state_put(ids->tables[ids->number & 1], &ids->runs,
		    sizeof ids->runs, ids->unsaved.data, ids->unsaved.len);
		ids->runs++;
		buf_clear(&ids->unsaved);
	}
	/* Begun by a clock that was ahead: it would last until that time. */
	if (ids->begun_ms > now)
		begin_window(ids, now);
	if (now - ids->begun_ms >= ids->window_ms)
		turn_over(ids, now);
}
