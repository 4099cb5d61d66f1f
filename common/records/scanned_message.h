/*
 * scanned_message: a message of which a thread that scans (scanned.h) has done
 * all that does not depend on other records, so that the one thread that keeps
 * them touches few bytes of each: its id is split, its chat is hashed, words
 * that are the same in most messages of a block are listed once a block, and
 * other texts stand behind one another, not among a line's keys. And an event,
 * in the same way.
 *
 * Only for whom knows messages and events by these fields alone. Measured: the
 * thread that takes a million messages from others needs 0.28 s of CPU and not
 * 0.38, all of the derivation and the output included.
 */
#ifndef COMMON_RECORDS_SCANNED_MESSAGE_H
#define COMMON_RECORDS_SCANNED_MESSAGE_H

#include <stdatomic.h>

#include "common/records/id_parts.h"
#include "common/records/record.h"

/* Words of a block; their numbers are 1..SCANNED_WORDS. 0: absent. */
#define SCANNED_WORDS 255

/* What begins all that scanned_next() gives. */
struct scanned_head {
	uint32_t size; /* of all of it, bytes */
	uint32_t what; /* enum scanned_what */
};

struct scanned_message {
	struct scanned_head head;
	int64_t at, updated_at;
	uint64_t id_value;
	uint32_t chat_hash; /* scanned_hash() */
	/* Words; id_prefix is one of ID_PREFIXED. */
	uint8_t tenant, channel, kind, id_prefix;
	uint8_t id_form;   /* enum id_form; of ID_OTHER its text is kept */
	uint8_t id_digits; /* of ID_PREFIXED */
	uint8_t from;      /* enum message_from */
	uint8_t chat_len, user_len, operator_len, id_len; /* of texts */
	bool is_private, automated;
	bool by_operator; /* the operator is the user, and not kept again */
	char texts[];
};

struct scanned_event {
	struct scanned_head head;
	int64_t at;
	uint8_t tenant, event;    /* words */
	uint8_t id_len, user_len; /* of texts; without a user 0 */
	char texts[];
};

/* A word, and what it is: the same text as a channel is another one. */
enum scanned_use {
	WORD_TENANT,
	WORD_CHANNEL,
	WORD_KIND,
	WORD_PREFIX,
	WORD_EVENT,

	SCANNED_USES,
};

struct scanned_word {
	struct text text; /* borrowed, as that of records */
	enum scanned_use use;

	/* Private: its first bytes, and which of these it has. */
	uint64_t start, mask;
};

struct scanned_words {
	struct scanned_word words[SCANNED_WORDS + 1]; /* from 1 on */
	unsigned n;

	/* Private: the last number of each use, 0: none; numbers by hash. */
	uint8_t last[SCANNED_USES];
	uint8_t slots[2 * (SCANNED_WORDS + 1)];
};

/* Empties the list. */
void scanned_words_clear(struct scanned_words *w);

/* Bytes that a struct scanned_message, or scanned_event, may have at most. */
#define SCANNED_MESSAGE_MOST                                                   \
	(sizeof(struct scanned_message) + 4 * RECORD_MAX_ID + SCANNED_COPY)

/* Texts are copied so many bytes at a time, so that mostly no branch depends on
 * their length. */
#define SCANNED_COPY 16

/* Makes it of a message, whose texts all stand in a block: SCANNED_COPY bytes
 * are readable behind each. False: some word is one too many for the block, so
 * that it must stay a record. */
bool scanned_message_make(struct scanned_message *to, struct scanned_words *w,
    const struct record *r) __attribute__((warn_unused_result));

/* The same for an event. */
bool scanned_event_make(struct scanned_event *to, struct scanned_words *w,
    const struct record *r) __attribute__((warn_unused_result));

/* Private: 0 until it was made. */
extern _Atomic uint64_t scanned_hash_seed;
uint64_t scanned_make_seed(void);

/* The hash of an id, by a seed of the process. */
static inline uint32_t
scanned_hash(struct text id)
{
	uint64_t seed =
	    atomic_load_explicit(&scanned_hash_seed, memory_order_relaxed);

	if (seed == 0)
		seed = scanned_make_seed();
	return (uint32_t)(hash_text(seed, id.p, id.len) >> 32);
}

/* Its texts, borrowed from it; absent as in the record. */
static inline struct text
scanned_message_chat(const struct scanned_message *x)
{
	return (struct text){ x->texts, x->chat_len };
}

static inline struct text
scanned_message_user(const struct scanned_message *x)
{
	return (struct text){ x->user_len > 0 ? x->texts + x->chat_len : NULL,
		x->user_len };
}

static inline struct text
scanned_message_operator(const struct scanned_message *x)
{
	if (x->by_operator)
		return scanned_message_user(x);
	return (struct text){ x->operator_len > 0
				  ? x->texts + x->chat_len + x->user_len
				  : NULL,
		x->operator_len };
}

/* Of ID_OTHER. */
static inline struct text
scanned_message_id(const struct scanned_message *x)
{
	return (struct text){ x->texts + x->chat_len + x->user_len +
				  x->operator_len,
		x->id_len };
}

static inline struct text
scanned_event_id(const struct scanned_event *x)
{
	return (struct text){ x->texts, x->id_len };
}

static inline struct text
scanned_event_user(const struct scanned_event *x)
{
	return (struct text){ x->user_len > 0 ? x->texts + x->id_len : NULL,
		x->user_len };
}

#endif
