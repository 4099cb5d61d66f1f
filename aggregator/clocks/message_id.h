/*
 * message_id: the id of a message in one 64-bit word, so that a message is
 * small and most ids are compared without looking at any text. A whole number,
 * and a prefix with up to ten digits behind it ("m-0000000017"), are the word
 * itself; any other id is text kept here, and the word points to it.
 *
 * Within one struct message_ids the same id gives words that message_id_same()
 * knows as the same; words of two of them mean nothing to each other.
 */
#ifndef AGGREGATOR_CLOCKS_MESSAGE_ID_H
#define AGGREGATOR_CLOCKS_MESSAGE_ID_H

#include "common/containers/arena.h"
#include "common/records/record.h"

typedef uint64_t message_id;

#define MESSAGE_ID_PREFIX 15 /* bytes at most */
#define MESSAGE_ID_PREFIXES 1024

/* Room for the text of any. */
#define MESSAGE_ID_TEXT (RECORD_MAX_ID + 1)

/* Private. */
struct message_ids {
	struct arena arena; /* of text; given back to free[] */
	struct message_id_text *free[RECORD_MAX_ID / 16 + 2];
	struct message_id_prefix {
		char p[MESSAGE_ID_PREFIX];
		uint8_t len;
	} * prefixes;
	size_t prefixes_n, last;
	uint16_t *slots; /* of prefixes, + 1 */
	uint64_t seed;
};

void message_ids_init(struct message_ids *x);
void message_ids_release(struct message_ids *x);

/* The word of an id of 1 to RECORD_MAX_ID bytes; given back with
 * message_id_drop(). */
message_id message_id_make(struct message_ids *x, struct text id);
void message_id_drop(struct message_ids *x, message_id id);

/* Its text, in buf or borrowed from the message_ids. */
struct text message_id_text(
    const struct message_ids *x, message_id id, char buf[MESSAGE_ID_TEXT]);

/* Private: an id that is kept as text, bit 63 of its word. */
bool message_id_same_text(message_id a, message_id b);
uint32_t message_id_hash_text(message_id id);

/* Any other word is that of one id alone. */
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

/* The same for ids that are the same. */
static inline uint32_t
message_id_hash(message_id id)
{
	return message_id_is_text(id)
		   ? message_id_hash_text(id)
		   : (uint32_t)(id * UINT64_C(0xE7037ED1A0B428DB) >> 32);
}

/* The order of id_compare(). */
int message_id_compare(const struct message_ids *x, message_id a, message_id b);

#endif
