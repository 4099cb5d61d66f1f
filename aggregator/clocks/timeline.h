/*
 * timeline: the messages in one chat, sorted by time.
 * Messages with the same time are sorted by id if it is a number; others keep
 * their order of arrival. Also the authors of messages, and the lexicon: the
 * names and numbers that a tenant's messages share.
 */
#ifndef AGGREGATOR_CLOCKS_TIMELINE_H
#define AGGREGATOR_CLOCKS_TIMELINE_H

#include "common/records/record.h"

#include "aggregator/clocks/message_id.h"
#include "aggregator/containers/interner.h"

/* The kinds of system messages that the clocks distinguish. */
enum message_kind {
	KIND_OTHER, /* another kind, or not a system message */
	KIND_OPENED,
	KIND_CLOSED,
	KIND_ASSIGNED,
	KIND_HANDOFF,
};

/* 32 bytes, because there are millions of them. */
struct message {
	int64_t at : 49;       /* see message_set_at() */
	uint64_t channel : 15; /* a number in the lexicon; 0: none */
	message_id id;
	uint32_t user; /* names; holds a reference, as operator_id does */
	uint32_t operator_id;
	uint64_t
	    updated : 49;  /* see message_updated_at(), message_revision() */
	uint64_t kind : 7; /* a number in the lexicon; 0: none */
	uint64_t from : 3; /* enum message_from */
	uint64_t is : 3;   /* enum message_kind */
	uint64_t is_private : 1;
	uint64_t automated : 1;
};

#define LEXICON_KINDS 127
#define LEXICON_CHANNELS 32767u
#define LEXICON_RECENT 64

/* Shared by all messages of a tenant. */
struct lexicon {
	struct interner names;
	struct message_ids message_ids;
	/* By number; these names have references. Index 0 is unused. */
	uint32_t kinds[LEXICON_KINDS + 1];
	unsigned kinds_n;
	uint32_t *channels;
	unsigned channels_n;
	uint32_t recent_names[FROM_SYSTEM + 1]; /* guesses for message_read() */
	/* Private: guesses. */
	uint32_t recent_kinds[LEXICON_RECENT], recent_channels[LEXICON_RECENT];
	bool channels_full;
};

/* Working memory of a sort. A zeroed struct is empty; free(merged). */
struct timeline_scratch {
	struct message *merged;
	size_t cap;
};

void lexicon_init(struct lexicon *w);
void lexicon_release(struct lexicon *w);

/* Returns the number of a message's kind. After the first LEXICON_KINDS kinds,
 * all others share one number without a name. This only affects which of two
 * versions of a message is kept if they are equally old. */
unsigned lexicon_kind(struct lexicon *w, struct text kind);

/* Returns the number of a channel; 0 for no channel, and for all channels after
 * the first LEXICON_CHANNELS, which is logged once. */
unsigned lexicon_channel(struct lexicon *w, struct text channel);

/* Returns the name of a channel; absent for 0. */
struct text lexicon_channel_text(const struct lexicon *w, unsigned channel);

/* Makes a message from a record. The author of most messages is the chat's last
 * customer or last operator, so these are the guesses in `hints`. Other authors
 * (bots) are few. All chats share the guesses for them, so that these do not
 * replace the operator's. message_drop() releases the id and the names. */
void message_read(struct lexicon *w, struct message *m, const struct record *r,
    uint32_t hints[2]);
void message_drop(struct lexicon *w, const struct message *m);

/* 49 bits are enough for the years 1 to 9999. */
static inline void
message_set_at(struct message *m, int64_t at)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
	m->at = at;
#pragma GCC diagnostic pop
}

/* Private: the first instant of the year 1, in ms since 1970, and a number that
 * is greater than that of any instant. */
#define MESSAGE_YEAR_1 INT64_C(-62135596800000)
#define MESSAGE_REVISIONS UINT64_C(0x1200000000000)

/* Versions without updated_at are numbered in the order of their arrival. The
 * number is 0 for the first one, and for those with updated_at. */
static inline uint64_t
message_revision(const struct message *m)
{
	return m->updated > MESSAGE_REVISIONS ? m->updated - MESSAGE_REVISIONS
					      : 0;
}

static inline void
message_set_revision(struct message *m, uint64_t revision)
{
	m->updated = (MESSAGE_REVISIONS + revision) & ((UINT64_C(1) << 49) - 1);
}

/* Returns CLOCK_NONE, which is the oldest time, if the record has none. */
static inline int64_t
message_updated_at(const struct message *m)
{
	return m->updated == 0 || m->updated > MESSAGE_REVISIONS
		   ? CLOCK_NONE
		   : (int64_t)m->updated - 1 + MESSAGE_YEAR_1;
}

static inline void
message_set_updated(struct message *m, int64_t at)
{
	uint64_t u = at == CLOCK_NONE ? 0 : (uint64_t)(at - MESSAGE_YEAR_1) + 1;

	m->updated = u & ((UINT64_C(1) << 49) - 1);
}

/* Returns the author. In an operator's message, one of user and operator_id is
 * enough. */
static inline uint32_t
message_writer(const struct message *m)
{
	return m->user == 0 && m->from == FROM_OPERATOR ? m->operator_id
							: m->user;
}

/* True for a message that messaging-metrics(7) counts: from a customer,
 * operator or bot, neither private nor automated. */
static inline bool
message_counts(const struct message *m)
{
	return m->from != FROM_SYSTEM && !m->is_private && !m->automated;
}

/* Returns author and role as one number, which is never 0. */
static inline uint64_t
message_participant(const struct message *m)
{
	return (uint64_t)message_writer(m) << 3 | m->from;
}

/* Returns the operator who wrote the message, or whom a system message
 * names. */
static inline uint32_t
message_operator(const struct message *m)
{
	return m->operator_id != 0 ? m->operator_id : m->user;
}

/* Compares two versions of one message: first updated_at, then the content.
 * Their times are not compared, because the first version's time is kept. With
 * updated_at, a replaces b if the result is > 0; the sink compares the same
 * columns in the same order (sink/tables/upsert_sql.c), followed by `to` and
 * the text, which no metric reads. */
int message_compare_version(
    const struct lexicon *w, const struct message *a, const struct message *b);

/* Sorts messages whose first `sorted` are in order. Returns the index of the
 * first message that moved, or n. */
size_t timeline_sort(
    struct timeline_scratch *t, struct message *m, size_t n, size_t sorted);

#endif
