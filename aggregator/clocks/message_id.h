/*
 * message_id: packs the id of a message into one 64-bit word, so that a message
 * is small and most ids are compared without their text. A whole number, and a
 * prefix with up to ten digits after it ("m-0000000017"), fit into the word;
 * the text of any other id is kept in struct message_ids, and the word points
 * to it.
 *
 * Words of one struct message_ids that stand for the same id are equal by
 * message_id_same(); words of different ones cannot be compared.
 */
#ifndef AGGREGATOR_CLOCKS_MESSAGE_ID_H
#define AGGREGATOR_CLOCKS_MESSAGE_ID_H

#include "common/containers/arena.h"
#include "common/records/record.h"

#include "aggregator/clocks/id_parts.h"

typedef uint64_t message_id;

#define MESSAGE_ID_PREFIXES 1024

/* Room for the text of any id. */
#define MESSAGE_ID_TEXT (RECORD_MAX_ID + 1)

/* Private: the sizes of kept texts, in units of 16 bytes; one is before each.
 */
#define MESSAGE_ID_SIZES ((16 + RECORD_MAX_ID + 15) / 16 + 1)

/* Private. */
struct message_ids {
	struct arena arena; /* of texts; dropped ones go to free[] */
	struct message_id_text *free[MESSAGE_ID_SIZES]; /* by units of 16 */
	struct message_id_prefix {
		char p[ID_PREFIX];
		uint8_t len;
	} * prefixes;
	size_t prefixes_n, last;
	uint16_t *slots; /* a hash table: index of a prefix + 1 */
	uint64_t seed;
};

void message_ids_init(struct message_ids *x);
void message_ids_release(struct message_ids *x);

/* The word of an id of 1 to RECORD_MAX_ID bytes; released by
 * message_id_drop(). */
message_id message_id_make(struct message_ids *x, struct text id);
void message_id_drop(struct message_ids *x, message_id id);

/* Its text, in buf or borrowed from the message_ids. */
struct text message_id_text(
    const struct message_ids *x, message_id id, char buf[MESSAGE_ID_TEXT]);

/* Private: of words whose bit 63 is set, that is, of ids kept as text. */
bool message_id_same_text(message_id a, message_id b);
uint32_t message_id_hash_text(message_id id);

/* Any other id has one word only. */
static inline bool
message_id_is_text(message_id id)
{
	return id >> 63 != 0;
}

static inline bool
message_id_same(message_id a, message_id b)
{
	return a == b || ((a & b) >> 63 != 0 && message_id_same_text(a, b));
}

/* Equal for equal ids. */
static inline uint32_t
message_id_hash(message_id id)
{
	return message_id_is_text(id)
		   ? message_id_hash_text(id)
		   : (uint32_t)(id * UINT64_C(0xE7037ED1A0B428DB) >> 32);
}

/* The order of messages of one instant: numbers first, by value. 0 for two that
 * are no numbers: these stay as they came. */
int message_id_compare(message_id a, message_id b);

#endif
