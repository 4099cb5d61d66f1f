/*
 * eventcounter_ids: see eventcounter_ids.h. In the state each generation has a
 * table of runs, the fingerprints of one commit as they came: written in one
 * piece, read in one pass, dropped as a whole.
 */
#include "aggregator/eventcounter_ids.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/retry.h"
#include "common/xalloc.h"

#define FIRST_SLOTS 1024

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void
take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t
finish(uint64_t v[4])
{
	int i;

	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* SipHash-2-4 with an answer of 128 bits. */
static struct fingerprint
fingerprint(const uint64_t seed[2], const char *p, size_t len)
{
	uint64_t v[4] = { seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t word, last = (uint64_t)len << 56;
	struct fingerprint f;

	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		take_word(v, word);
	}
	word = 0;
	memcpy(&word, p, len);
	take_word(v, word | last);
	v[2] ^= 0xee;
	f.a = finish(v);
	v[1] ^= 0xdd;
	f.b = finish(v);
	if (f.a == 0 && f.b == 0)
		f.b = 1;
	return f;
}

/* Where it is, or where it would go. */
static struct fingerprint *
find(const struct idset *set, struct fingerprint f)
{
	size_t i = (size_t)f.a & (set->cap - 1);

	while ((set->slots[i].a != 0 || set->slots[i].b != 0) &&
	       (set->slots[i].a != f.a || set->slots[i].b != f.b))
		i = (i + 1) & (set->cap - 1);
	return &set->slots[i];
}

static bool
has(const struct idset *set, struct fingerprint f)
{
	const struct fingerprint *slot;

	if (set->n == 0)
		return false;
	slot = find(set, f);
	return slot->a != 0 || slot->b != 0;
}

static void
grow(struct idset *set)
{
	struct idset more = { .cap = set->cap > 0 ? 2 * set->cap : FIRST_SLOTS,
		.n = set->n };
	size_t i;

	more.slots = xcalloc(more.cap, sizeof *more.slots);
	for (i = 0; i < set->cap; i++)
		if (set->slots[i].a != 0 || set->slots[i].b != 0)
			*find(&more, set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = more;
}

static bool
insert(struct idset *set, struct fingerprint f)
{
	if (2 * (set->n + 1) > set->cap)
		grow(set);
	if (has(set, f))
		return false;
	*find(set, f) = f;
	set->n++;
	return true;
}

static bool
load_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct idset *set = ctx;
	const char *p = data;
	struct fingerprint f;

	(void)key;
	(void)key_len;
	for (; len >= sizeof f; p += sizeof f, len -= sizeof f) {
		memcpy(&f, p, sizeof f);
		(void)insert(set, f);
	}
	return true;
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
		for (i = 0; i < 2; i++)
			ids->seed[i] =
			    (uint64_t)retry_random() << 32 | retry_random();
		return;
	}
	state_seed(state, ids->seed);
	ids->number = state_number(state, "ids_generation", 0);
	ids->begun_ms = state_number(state, "ids_begun", now);
	if (ids->begun_ms > now)
		ids->begun_ms = now;
	for (i = 0; i < 2; i++)
		ids->tables[i] = state_table(state, names[i], STATE_NUMBERS);
	if (state_failed(state))
		return;
	state_each(
	    ids->tables[ids->number & 1], NULL, 0, load_run, &ids->young);
	state_each(
	    ids->tables[(ids->number + 1) & 1], NULL, 0, load_run, &ids->old);
	if (state_last_number(ids->tables[ids->number & 1], &ids->runs))
		ids->runs++;
}

void
ids_release(struct ids *ids)
{
	free(ids->young.slots);
	free(ids->old.slots);
	buf_release(&ids->unkept);
	memset(ids, 0, sizeof *ids);
}

bool
ids_add(struct ids *ids, const char *id, size_t len)
{
	struct fingerprint f = fingerprint(ids->seed, id, len);

	if (has(&ids->old, f) || !insert(&ids->young, f))
		return false;
	if (ids->state != NULL)
		buf_add(&ids->unkept, &f, sizeof f);
	return true;
}

static void
turn_over(struct ids *ids, int64_t now)
{
	free(ids->old.slots);
	ids->old = ids->young;
	memset(&ids->young, 0, sizeof ids->young);
	ids->begun_ms = now;
	ids->number++;
	ids->runs = 0;
	if (ids->state == NULL)
		return;
	state_empty(ids->tables[ids->number & 1]);
	state_set_number(ids->state, "ids_generation", ids->number);
	state_set_number(ids->state, "ids_begun", now);
}

void
ids_keep(struct ids *ids)
{
	int64_t now = clock_now_ms();

	if (ids->unkept.len > 0) {
		if (ids->runs == 0)
			state_set_number(
			    ids->state, "ids_begun", ids->begun_ms);
		state_append(ids->tables[ids->number & 1], &ids->runs,
		    sizeof ids->runs, ids->unkept.data, ids->unkept.len);
		ids->runs++;
		buf_clear(&ids->unkept);
	}
	if (now - ids->begun_ms >= ids->window_ms)
		turn_over(ids, now);
}
