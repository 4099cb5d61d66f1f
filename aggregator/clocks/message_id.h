/*
 * message_id: packs the id of a message into one 64-bit word, so that messages
 * are small and most ids are compared without reading their text. Up to 14
 * digits, alone ("17") or after a prefix ("m-0000000017"), fit into the word.
 * The text of any other id is kept in struct message_ids, and the word points
 * to it.
 *
 * Use message_id_same() to compare words from the same struct message_ids.
 * Words from different sets cannot be compared.
 */
#ifndef AGGREGATOR_CLOCKS_MESSAGE_ID_H
#define AGGREGATOR_CLOCKS_MESSAGE_ID_H

#include "common/containers/arena.h"
#include "common/records/record.h"

typedef uint64_t message_id;

#define MESSAGE_ID_PREFIXES 1024
#define MESSAGE_ID_PREFIX 15 /* longest prefix, in bytes */
#define MESSAGE_ID_DIGITS 14

/* A buffer for the text of any id. */
#define MESSAGE_ID_TEXT (RECORD_MAX_ID + 1)

/* Private: the number of size classes of stored texts, in units of 16 bytes. */
#define MESSAGE_ID_SIZES ((16 + RECORD_MAX_ID + 15) / 16 + 1)

/* Private. */
struct message_ids {
	struct arena arena; /* for texts; dropped ones go to free[] */
	/* By size, in units of 16 bytes. */
	struct message_id_text *free[MESSAGE_ID_SIZES];
	struct message_id_prefix {
		char p[MESSAGE_ID_PREFIX];
		uint8_t len;
	} * prefixes;
	size_t prefixes_n, prefixes_cap, last;
	uint16_t *slots; /* hash table of twice as many slots as prefixes_cap;
			  * a slot is a prefix's index + 1 */
	uint64_t seed;
};

void message_ids_init(struct message_ids *x);
void message_ids_release(struct message_ids *x);

/* Makes the word of an id of 1 to RECORD_MAX_ID bytes. Release it with
 * message_id_drop(). */
message_id message_id_make(struct message_ids *x, struct text id);
void message_id_drop(struct message_ids *x, message_id id);

/* Returns the text of the id, either in buf or borrowed from x. */
struct text message_id_text(
    const struct message_ids *x, message_id id, char buf[MESSAGE_ID_TEXT]);

/* True for an id that is kept as text: its word is greater than those of all
 * other ids, which have exactly one word each. */
static inline bool
message_id_is_text(message_id id)
{
	return id >> 63 != 0;
}

/* Private. */
#define MESSAGE_ID_TAG_SHIFT 48
bool message_id_same_text(message_id a, message_id b);

static inline bool
message_id_same(message_id a, message_id b)
{
	return a == b ||
	       ((a ^ b) >> MESSAGE_ID_TAG_SHIFT == 0 && message_id_is_text(a) &&
		   message_id_same_text(a, b));
}

/* Orders messages with the same time: numbers first, by value. Returns 0 if
 * neither is a number; such messages keep their order of arrival. */
int message_id_compare(message_id a, message_id b);

#endif
