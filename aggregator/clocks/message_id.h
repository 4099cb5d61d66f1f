/*
 * message_id: the id of a message in one 64-bit word, so that a message is
 * small and most ids are compared without looking at any text. A whole number,
 * and a prefix with up to ten digits behind it ("m-0000000017"), are the word
 * itself; any other id is text kept here, and the word points to it.
 *
 * Within one struct idents the same id gives words that message_id_same() knows
 * as the same; words of two of them mean nothing to each other.
 */
#ifndef AGGREGATOR_CLOCKS_MESSAGE_ID_H
#define AGGREGATOR_CLOCKS_MESSAGE_ID_H

#include "common/containers/arena.h"
#include "common/records/record.h"

typedef uint64_t ident;

#define MESSAGE_ID_PREFIX 15 /* bytes at most */
#define MESSAGE_ID_PREFIXES 1024

/* Room for the text of any. */
#define MESSAGE_ID_TEXT (RECORD_MAX_ID + 1)

/* Private. */
struct idents {
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

void idents_init(struct idents *x);
void idents_release(struct idents *x);

/* The word of an id of 1 to RECORD_MAX_ID bytes; given back with
 * message_id_drop(). */
ident message_id_make(struct idents *x, struct text id);
void message_id_drop(struct idents *x, ident id);

/* Its text, in buf or borrowed from the idents. */
struct text message_id_text(
    const struct idents *x, ident id, char buf[MESSAGE_ID_TEXT]);

/* Private: an id that is kept as text, bit 63 of its word. */
bool message_id_same_text(ident a, ident b);
uint32_t message_id_hash_text(ident id);

/* Any other word is that of one id alone. */
static inline bool
message_id_is_text(ident id)
{
	return id >> 63 != 0;
}

static inline bool
message_id_same(ident a, ident b)
{
	return a == b || ((a & b) >> 63 != 0 && message_id_same_text(a, b));
}

/* The same for ids that are the same. */
static inline uint32_t
message_id_hash(ident id)
{
	return message_id_is_text(id)
		   ? message_id_hash_text(id)
		   : (uint32_t)(id * UINT64_C(0xE7037ED1A0B428DB) >> 32);
}

/* The order of id_compare(). */
int message_id_compare(const struct idents *x, ident a, ident b);

#endif
