/*
 * message_id: see message_id.h. The two highest bits of a word are its kind:
 *
 *   0  a number: its value, below 10^18
 *   1  prefix and number: 14 bits for the prefix's index, 4 bits for the number
 *      of digits, 34 bits for their value
 *   2  a pointer to struct message_id_text
 *
 * Prefixes are never dropped, so an id always has the same word. Once there are
 * MESSAGE_ID_PREFIXES of them, ids with a new prefix are kept as text.
 */
#include "aggregator/clocks/message_id.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/random.h"

#include "aggregator/containers/interner.h"
#include "common/containers/hash.h"

#define KIND_SHIFT 62
#define KIND_NUMBER UINT64_C(0)
#define KIND_PREFIX UINT64_C(1)
#define KIND_TEXT UINT64_C(2)

#define PREFIX_SHIFT 38
#define DIGITS_SHIFT 34

#define SLOTS (MESSAGE_ID_PREFIXES * 2)

struct message_id_text {
	struct message_id_text *next; /* in the free list */
	uint32_t hash;
	uint8_t len;
	char p[];
};

_Static_assert(RECORD_MAX_ID <= UINT8_MAX, "the length of an id is a byte");
_Static_assert(
    sizeof(struct message_id_text) <= 16, "MESSAGE_ID_SIZES says so");

void
message_ids_init(struct message_ids *x)
{
	memset(x, 0, sizeof *x);
	x->seed = random_64();
}

void
message_ids_release(struct message_ids *x)
{
	arena_release(&x->arena);
	free(x->prefixes);
	free(x->slots);
	memset(x, 0, sizeof *x);
}

/* Returns the size of a text in units of 16 bytes. */
static size_t
units(size_t len)
{
	return (sizeof(struct message_id_text) + len + 15) / 16;
}

static message_id
make_text(struct message_ids *x, struct text id)
{
	size_t n = units(id.len);
	struct message_id_text *t = x->free[n];

	if (t != NULL)
		x->free[n] = t->next;
	else
		t = arena_take(&x->arena, n * 16);
	t->hash = (uint32_t)(hash_text(x->seed, id.p, id.len) >> 32);
	t->len = (uint8_t)id.len;
	memcpy(t->p, id.p, id.len);
	return KIND_TEXT << KIND_SHIFT | (uint64_t)(uintptr_t)t;
}

static uint64_t
word_kind(message_id id)
{
	return id >> KIND_SHIFT;
}

static struct message_id_text *
word_text(message_id id)
{
	return (struct message_id_text *)(uintptr_t)(id << 2 >> 2);
}

void
message_id_drop(struct message_ids *x, message_id id)
{
	struct message_id_text *t;

	if (word_kind(id) != KIND_TEXT)
		return;
	t = word_text(id);
	t->next = x->free[units(t->len)];
	x->free[units(t->len)] = t;
}

static bool
is_prefix(const struct message_id_prefix *p, const char *s, size_t len)
{
	return p->len == len && hash_same(p->p, s, len);
}

/* Returns the index of a known prefix, or MESSAGE_ID_PREFIXES if the table is
 * full. Not inline: the caller's usual path, the most recent prefix, needs few
 * registers. */
static __attribute__((noinline)) size_t
find_prefix(struct message_ids *x, const char *s, size_t len)
{
	struct message_id_prefix *p;
	size_t slot;

	if (x->prefixes == NULL) {
		x->prefixes = xcalloc(MESSAGE_ID_PREFIXES, sizeof *x->prefixes);
		x->slots = xcalloc(SLOTS, sizeof *x->slots);
	}
	slot = hash_text(x->seed, s, len) % SLOTS;
	for (; x->slots[slot] != 0; slot = (slot + 1) % SLOTS)
		if (is_prefix(&x->prefixes[x->slots[slot] - 1], s, len))
			return x->slots[slot] - 1u;
	if (x->prefixes_n == MESSAGE_ID_PREFIXES)
		return MESSAGE_ID_PREFIXES;
	p = &x->prefixes[x->prefixes_n++];
	memcpy(p->p, s, len);
	p->len = (uint8_t)len;
	x->slots[slot] = (uint16_t)x->prefixes_n;
	return x->prefixes_n - 1;
}

/* Returns the index of the prefix, or MESSAGE_ID_PREFIXES if there are too many
 * and the id must be kept as text. */
static size_t
prefix_number(struct message_ids *x, struct text prefix)
{
	size_t which = x->last;

	if (x->prefixes_n == 0 ||
	    !is_prefix(&x->prefixes[which], prefix.p, prefix.len)) {
		which = find_prefix(x, prefix.p, prefix.len);
		if (which < MESSAGE_ID_PREFIXES)
			x->last = which;
	}
	return which;
}

static message_id
make_prefixed(size_t prefix, size_t digits, uint64_t value)
{
	return KIND_PREFIX << KIND_SHIFT | (uint64_t)prefix << PREFIX_SHIFT |
	       (uint64_t)digits << DIGITS_SHIFT | value;
}

message_id
message_id_make(struct message_ids *x, struct text id)
{
	struct id_parts parts;
	size_t prefix;

	switch (id_split(id, &parts)) {
	case ID_NUMBER:
		return parts.value;
	case ID_PREFIXED:
		prefix = prefix_number(x, (struct text){ id.p, parts.prefix });
		if (prefix < MESSAGE_ID_PREFIXES)
			return make_prefixed(prefix, parts.digits, parts.value);
		break;
	case ID_OTHER:
		break;
	}
	return make_text(x, id);
}

static struct text
print(char buf[MESSAGE_ID_TEXT], size_t prefix, size_t digits, uint64_t value)
{
	struct text t = { buf, prefix + digits };
	size_t i;

	for (i = t.len; i > prefix; i--, value /= 10)
		buf[i - 1] = (char)('0' + value % 10);
	return t;
}

struct text
message_id_text(
    const struct message_ids *x, message_id id, char buf[MESSAGE_ID_TEXT])
{
	const struct message_id_prefix *p;
	struct text t;
	uint64_t rest;
	size_t digits = 1;

	if (word_kind(id) == KIND_TEXT) {
		t.p = word_text(id)->p;
		t.len = word_text(id)->len;
		return t;
	}
	if (word_kind(id) == KIND_NUMBER) {
		for (rest = id / 10; rest > 0; rest /= 10)
			digits++;
		return print(buf, 0, digits, id);
	}
	p = &x->prefixes[id >> PREFIX_SHIFT & (MESSAGE_ID_PREFIXES - 1)];
	memcpy(buf, p->p, p->len);
	digits = id >> DIGITS_SHIFT & 15;
	return print(
	    buf, p->len, digits, id & ((UINT64_C(1) << DIGITS_SHIFT) - 1));
}

bool
message_id_same_text(message_id a, message_id b)
{
	const struct message_id_text *x = word_text(a), *y = word_text(b);

	return x->hash == y->hash && x->len == y->len &&
	       memcmp(x->p, y->p, x->len) == 0;
}

uint32_t
message_id_hash_text(message_id id)
{
	return word_text(id)->hash;
}

/* True for a number of any length. */
static bool
is_number(message_id id)
{
	const struct message_id_text *t;

	if (word_kind(id) != KIND_TEXT)
		return word_kind(id) == KIND_NUMBER;
	t = word_text(id);
	return id_is_number(t->p, t->len);
}

int
message_id_compare(message_id a, message_id b)
{
	const struct message_id_text *x, *y;
	bool number = is_number(a);

	if (number != is_number(b))
		return number ? -1 : 1;
	if (!number || a == b)
		return 0;
	/* Numbers that fit into a word are less than all others. */
	if (word_kind(a) == KIND_NUMBER || word_kind(b) == KIND_NUMBER)
		return a < b ? -1 : 1;
	x = word_text(a);
	y = word_text(b);
	return id_compare(x->p, x->len, y->p, y->len);
}
