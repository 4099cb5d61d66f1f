/*
 * message_id: see message_id.h. The two highest bits of a word are its kind:
 *
 *   0  a number: its value, below 10^18
 *   1  prefix and number: 14 bits for the prefix's index, 4 bits for the number
 *      of digits, 34 bits for their value
 *   2  14 bits of the text's hash, 48 bits: a pointer to struct
 *      message_id_text
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

#define TAG_MASK UINT64_C(0x3fff)
#define POINTER_MASK ((UINT64_C(1) << MESSAGE_ID_TAG_SHIFT) - 1)

#define PREFIX_SHIFT 38
#define DIGITS_SHIFT 34

#define SLOTS (MESSAGE_ID_PREFIXES * 2)

#define NUMBER_DIGITS 18
#define PREFIX_DIGITS 10

struct message_id_text {
	struct message_id_text *next; /* in the free list */
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
	uint64_t tag = hash_text(x->seed, id.p, id.len) & TAG_MASK;
	size_t n = units(id.len);
	struct message_id_text *t = x->free[n];

	if (t != NULL)
		x->free[n] = t->next;
	else
		t = arena_take(&x->arena, n * 16);
	t->len = (uint8_t)id.len;
	memcpy(t->p, id.p, id.len);
	return KIND_TEXT << KIND_SHIFT | tag << MESSAGE_ID_TAG_SHIFT |
	       (uint64_t)(uintptr_t)t;
}

static uint64_t
word_kind(message_id id)
{
	return id >> KIND_SHIFT;
}

static struct message_id_text *
word_text(message_id id)
{
	return (struct message_id_text *)(uintptr_t)(id & POINTER_MASK);
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

/* Most ids have one of the first two forms. */
enum id_form {
	ID_NUMBER,   /* without leading zeros, below 10^18 */
	ID_PREFIXED, /* up to MESSAGE_ID_PREFIX bytes, then some digits */
	ID_OTHER,
};

struct id_parts {
	size_t prefix, digits; /* lengths in bytes, for ID_PREFIXED */
	uint64_t value;        /* the number, unless ID_OTHER */
};

/* Reads eight digits; returns false if one of the bytes is not a digit. */
static bool
eight_digits(const char *p, uint64_t *value)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = hash_load8(p) ^ ones * '0'; /* a digit is below 10 */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	if (((x + ones * (0x80 - 10)) | x) & ones * 0x80)
		return false;
	/* Combine neighbours into numbers of two, four, eight digits. */
	x = (x * 10 + (x >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
	x = (x * 100 + (x >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
	*value = (x * 10000 + (x >> 32)) & UINT64_C(0xFFFFFFFF);
	return true;
}

/* Splits an id, which must not be empty. */
static enum id_form
split_id(struct text id, struct id_parts *to)
{
	size_t digits = 0;
	uint64_t value = 0, unit = 1;
	char c;

	if (id.len >= 8 && eight_digits(id.p + id.len - 8, &value)) {
		digits = 8;
		unit = 100000000;
	}
	/* Read from the end. If there are too many digits, the value is not
	 * used. */
	for (; digits < id.len; digits++, unit *= 10) {
		c = id.p[id.len - 1 - digits];
		if (!text_is_digit(c))
			break;
		value += unit * (uint64_t)(c - '0');
	}
	to->prefix = id.len - digits;
	to->digits = digits;
	to->value = value;
	if (digits == id.len && (id.p[0] != '0' || id.len == 1))
		return digits > NUMBER_DIGITS ? ID_OTHER : ID_NUMBER;
	return digits == 0 || digits > PREFIX_DIGITS ||
		       to->prefix > MESSAGE_ID_PREFIX
		   ? ID_OTHER
		   : ID_PREFIXED;
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

	switch (split_id(id, &parts)) {
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

	return x->len == y->len && memcmp(x->p, y->p, x->len) == 0;
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
