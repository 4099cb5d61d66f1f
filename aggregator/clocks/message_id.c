/*
 * message_id: see message_id.h. A word whose highest bit is 0 is a prefix and a
 * number: 10 bits for the prefix's index, 4 bits for the number of digits, 49
 * bits for their value. Otherwise the next 15 bits are from the text's hash,
 * and 48 bits are a pointer to struct message_id_text.
 *
 * Prefix 0 is empty, so numbers are ordered by value. Prefixes are never
 * dropped, so an id always has the same word. Once there are
 * MESSAGE_ID_PREFIXES of them, ids with a new prefix are kept as text.
 */
#include "aggregator/clocks/message_id.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

#define TEXT_BIT (UINT64_C(1) << 63)
#define TAG_MASK UINT64_C(0x7fff)
#define POINTER_MASK ((UINT64_C(1) << MESSAGE_ID_TAG_SHIFT) - 1)

#define PREFIX_SHIFT 53
#define DIGITS_SHIFT 49
#define DIGITS_MASK 15
#define VALUE_MASK ((UINT64_C(1) << DIGITS_SHIFT) - 1)

#define FIRST_PREFIXES 8 /* a power of two, like MESSAGE_ID_PREFIXES */

struct message_id_text {
	struct message_id_text *next; /* in the free list */
	uint8_t len;
	char p[];
};

_Static_assert(RECORD_MAX_ID <= UINT8_MAX, "the length of an id is a byte");
_Static_assert(
    sizeof(struct message_id_text) <= 16, "MESSAGE_ID_SIZES says so");
_Static_assert(
    MESSAGE_ID_DIGITS <= DIGITS_MASK && VALUE_MASK >= UINT64_C(99999999999999),
    "the digits and their value fit into the word");
_Static_assert(MESSAGE_ID_PREFIXES <= UINT64_C(1) << (63 - PREFIX_SHIFT),
    "the prefixes fit into the word");

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
	return TEXT_BIT | tag << MESSAGE_ID_TAG_SHIFT | (uint64_t)(uintptr_t)t;
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

	if (!message_id_is_text(id))
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

/* Returns the slot of the prefix, or the free slot where it belongs. */
static uint16_t *
find_prefix_slot(const struct message_ids *x, const char *s, size_t len)
{
	size_t slots = 2 * x->prefixes_cap;
	size_t slot = hash_text(x->seed, s, len) % slots;

	for (; x->slots[slot] != 0; slot = (slot + 1) % slots)
		if (is_prefix(&x->prefixes[x->slots[slot] - 1], s, len))
			break;
	return &x->slots[slot];
}

/* Most tenants have few prefixes. The first one is the empty one. */
static void
grow_prefixes(struct message_ids *x)
{
	size_t i;

	x->prefixes_cap =
	    x->prefixes_cap > 0 ? 2 * x->prefixes_cap : FIRST_PREFIXES;
	x->prefixes =
	    xrealloc(x->prefixes, x->prefixes_cap, sizeof *x->prefixes);
	if (x->prefixes_n == 0)
		memset(&x->prefixes[x->prefixes_n++], 0, sizeof *x->prefixes);
	free(x->slots);
	x->slots = xcalloc(2 * x->prefixes_cap, sizeof *x->slots);
	for (i = 1; i < x->prefixes_n; i++)
		*find_prefix_slot(x, x->prefixes[i].p, x->prefixes[i].len) =
		    (uint16_t)(i + 1);
}

/* Returns the index of a known prefix, or MESSAGE_ID_PREFIXES if the table is
 * full. Not inline: the caller's usual path, the most recent prefix, needs few
 * registers. */
static __attribute__((noinline)) size_t
find_prefix(struct message_ids *x, const char *s, size_t len)
{
	struct message_id_prefix *p;
	uint16_t *slot;

	if (x->prefixes == NULL)
		grow_prefixes(x);
	slot = find_prefix_slot(x, s, len);
	if (*slot != 0)
		return *slot - 1u;
	if (x->prefixes_n == MESSAGE_ID_PREFIXES)
		return MESSAGE_ID_PREFIXES;
	if (x->prefixes_n == x->prefixes_cap) {
		grow_prefixes(x);
		slot = find_prefix_slot(x, s, len);
	}
	p = &x->prefixes[x->prefixes_n++];
	memcpy(p->p, s, len);
	p->len = (uint8_t)len;
	*slot = (uint16_t)x->prefixes_n;
	return x->prefixes_n - 1;
}

/* Returns the index of the prefix, or MESSAGE_ID_PREFIXES if there are too many
 * and the id must be kept as text. */
static size_t
prefix_number(struct message_ids *x, struct text prefix)
{
	size_t which = x->last;

	if (prefix.len == 0)
		return 0;
	if (x->prefixes == NULL ||
	    !is_prefix(&x->prefixes[which], prefix.p, prefix.len)) {
		which = find_prefix(x, prefix.p, prefix.len);
		if (which < MESSAGE_ID_PREFIXES)
			x->last = which;
	}
	return which;
}

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

/* Returns the number of digits at the end, and their value, which is wrong if
 * there are more than MESSAGE_ID_DIGITS. */
static size_t
last_digits(struct text id, uint64_t *value)
{
	uint64_t unit = 1;
	size_t digits = 0;
	char c;

	*value = 0;
	if (id.len >= 8 && eight_digits(id.p + id.len - 8, value)) {
		digits = 8;
		unit = 100000000;
	}
	for (; digits < id.len; digits++, unit *= 10) {
		c = id.p[id.len - 1 - digits];
		if (!text_is_digit(c))
			break;
		*value += unit * (uint64_t)(c - '0');
	}
	return digits;
}

message_id
message_id_make(struct message_ids *x, struct text id)
{
	uint64_t value;
	size_t digits = last_digits(id, &value), which;
	struct text prefix = { id.p, id.len - digits };

	/* Digits with leading zeros are not a number. */
	if (digits == 0 || digits > MESSAGE_ID_DIGITS ||
	    prefix.len > MESSAGE_ID_PREFIX ||
	    (prefix.len == 0 && id.p[0] == '0' && id.len > 1))
		return make_text(x, id);
	which = prefix_number(x, prefix);
	if (which == MESSAGE_ID_PREFIXES)
		return make_text(x, id);
	return (uint64_t)which << PREFIX_SHIFT |
	       (uint64_t)digits << DIGITS_SHIFT | value;
}

struct text
message_id_text(
    const struct message_ids *x, message_id id, char buf[MESSAGE_ID_TEXT])
{
	uint64_t which = id >> PREFIX_SHIFT, value = id & VALUE_MASK;
	size_t digits = id >> DIGITS_SHIFT & DIGITS_MASK, i;
	struct text t = { buf, digits };

	if (message_id_is_text(id))
		return (struct text){ word_text(id)->p, word_text(id)->len };
	if (which > 0) {
		memcpy(buf, x->prefixes[which].p, x->prefixes[which].len);
		t.len += x->prefixes[which].len;
	}
	for (i = t.len; digits > 0; digits--, value /= 10)
		buf[--i] = (char)('0' + value % 10);
	return t;
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

	if (!message_id_is_text(id))
		return id >> PREFIX_SHIFT == 0;
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
	if (!message_id_is_text(a) || !message_id_is_text(b))
		return a < b ? -1 : 1;
	x = word_text(a);
	y = word_text(b);
	return id_compare(x->p, x->len, y->p, y->len);
}
