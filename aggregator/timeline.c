/*
 * timeline: see timeline.h. Doubles are found by a hash table of the ids,
 * since two versions of a message may lie far apart in time; a chat that is in
 * order already, which is the rule, is not sorted again.
 */
#include "aggregator/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

int
message_compare(const struct message *a, const struct message *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return id_compare(a->id, a->id_len, b->id, b->id_len);
}

static int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int
message_compare_version(const struct message *a, const struct message *b)
{
	int c = compare_int(a->updated_at, b->updated_at);

	if (c == 0)
		c = compare_int(a->at, b->at);
	if (c == 0)
		c = strcmp(record_from_name((enum message_from)a->from),
		    record_from_name((enum message_from)b->from));
	if (c == 0)
		c = name_compare_bytes(a->user, b->user);
	if (c == 0)
		c = name_compare_bytes(a->operator_id, b->operator_id);
	if (c == 0)
		c = name_compare_bytes(a->kind, b->kind);
	if (c == 0)
		c = a->is_private - b->is_private;
	if (c == 0)
		c = a->automated - b->automated;
	/* No figure depends on the text, only what --explain shows. */
	if (c == 0 && a->text != NULL && b->text != NULL)
		c = strcmp(a->text, b->text);
	return c;
}

static uint32_t
hash_id(const char *s, size_t len)
{
	uint64_t h = len, word;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&word, s, 8);
		h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s, len);
	h = (h ^ word) * UINT64_C(0xC4CEB9FE1A85EC53);
	return (uint32_t)(h >> 32);
}

static bool
same_id(const struct message *a, const struct message *b)
{
	return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

/* Moves the messages that count to the front; how many they are. */
static size_t
drop_doubles(struct message *m, size_t n)
{
	size_t i, slot, kept = 0, slots = 16;
	uint32_t *table; /* index + 1 into what is kept; 0: free */

	while (slots < n * 2)
		slots *= 2;
	table = xcalloc(slots, sizeof *table);
	for (i = 0; i < n; i++) {
		slot = hash_id(m[i].id, m[i].id_len) & (slots - 1);
		while (table[slot] != 0 && !same_id(&m[table[slot] - 1], &m[i]))
			slot = (slot + 1) & (slots - 1);
		if (table[slot] == 0) {
			m[kept++] = m[i];
			table[slot] = (uint32_t)kept;
		} else if (message_compare_version(&m[i], &m[table[slot] - 1]) >
			   0) {
			m[table[slot] - 1] = m[i];
		}
	}
	free(table);
	return kept;
}

static int
compare_items(const void *a, const void *b)
{
	return message_compare(a, b);
}

size_t
timeline_settle(struct message *m, size_t n)
{
	size_t i;

	n = drop_doubles(m, n);
	for (i = 1; i < n; i++)
		if (message_compare(&m[i - 1], &m[i]) > 0)
			break;
	if (i < n)
		qsort(m, n, sizeof *m, compare_items);
	return n;
}
