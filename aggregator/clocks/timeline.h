/*
 * timeline: the messages of one chat, each once and in the order of their
 * times; of one instant those with numbers as ids come first, by value, then
 * the others in the order of their arrival. Also who wrote a message, and the
 * lexicon, the names and numbers that the messages of one tenant share.
 */
#ifndef AGGREGATOR_CLOCKS_TIMELINE_H
#define AGGREGATOR_CLOCKS_TIMELINE_H

#include "common/containers/strmap.h"
#include "common/records/record.h"

#include "aggregator/clocks/message_id.h"
#include "aggregator/containers/interner.h"

/* The kinds of system messages that the clocks distinguish. */
enum message_kind {
	KIND_OTHER, /* and of messages that are not from the system */
	KIND_OPENED,
	KIND_CLOSED,
	KIND_ASSIGNED,
	KIND_HANDOFF,
};

/* 32 bytes, because there are millions. */
struct message {
	int64_t at : 49;       /* see message_set_at() */
	uint64_t channel : 15; /* of the lexicon; 0: none */
	message_id id;
	uint32_t user; /* names, held, as operator_id */
	uint32_t operator_id;
	uint64_t updated : 49; /* see message_updated_at() */
	uint64_t kind : 7;     /* of the lexicon; 0: none */
	uint64_t from : 3;     /* enum message_from */
	uint64_t is : 3;       /* enum message_kind */
	uint64_t is_private : 1;
	uint64_t automated : 1;
};

#define LEXICON_KINDS 127
#define LEXICON_CHANNELS 32767u
#define LEXICON_RECENT_CHANNELS 64

/* Shared by all messages of a tenant. */
struct lexicon {
	struct interner names;
	struct message_ids message_ids;
	uint32_t kinds[LEXICON_KINDS + 1]; /* names, held */
	unsigned kinds_n;
	uint32_t *channels; /* names, held; from 1 on */
	unsigned channels_n;
	uint32_t recent_names[FROM_SYSTEM + 1]; /* hints, see message_name() */
	/* Private: the numbers of channels, and a cache of them by hash. */
	struct strmap channel_numbers;
	struct text recent_kind; /* of recent_kind_n; of most messages */
	unsigned recent_kind_n;
	uint16_t recent_channels[LEXICON_RECENT_CHANNELS];
	bool kinds_full, channels_full;
};

/* Versions of messages that do not count, with the id and the names that they
 * hold until timeline_drop(). A zeroed struct is empty; free(list). */
struct timeline_versions {
	struct message *list;
	size_t n, cap;
};

/* What sorting needs besides the messages; one for each thread that does it
 * with the same lexicon. A zeroed struct is empty. */
struct timeline_scratch {
	uint32_t *table;
	size_t table_cap;
	struct message *merged;
	size_t merged_cap;
	struct timeline_versions dropped;
};

void lexicon_init(struct lexicon *w);
void lexicon_release(struct lexicon *w);

/* The number of a message's kind. From LEXICON_KINDS on they share that number
 * without a name, which is logged once: only which of two versions of a message
 * counts may depend on it. */
unsigned lexicon_kind(struct lexicon *w, struct text kind);

/* The number of a channel; 0 for none, and for channels above LEXICON_CHANNELS,
 * which is logged once. */
unsigned lexicon_channel(struct lexicon *w, struct text channel);

/* Absent for 0. */
struct text lexicon_channel_text(const struct lexicon *w, unsigned channel);

/* Make a message of a record in two steps: message_read() sets all but the
 * names, message_name() these. hints are the chat's last customer and its last
 * operator: most messages repeat one of them. Others (bots) are few, and
 * remembered for all chats, lest they displace the operator.
 * message_drop() gives back the id and the names. */
void message_read(struct lexicon *w, struct message *m, const struct record *r);
void message_name(struct lexicon *w, struct message *m, struct text user,
    struct text operator_id, uint32_t hints[2]);
void message_drop(struct lexicon *w, const struct message *m);

/* Of a system message, by the kind of its record. */
enum message_kind message_kind_of_system(struct text kind);

/* 49 bits have room for the years 1 to 9999. */
static inline void
message_set_at(struct message *m, int64_t at)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
	m->at = at;
#pragma GCC diagnostic pop
}

/* Private: the first instant of the year 1, in ms since 1970. */
#define MESSAGE_YEAR_1 INT64_C(-62135596800000)

/* CLOCK_NONE, which is the oldest, when the record has none. */
static inline int64_t
message_updated_at(const struct message *m)
{
	return m->updated == 0 ? CLOCK_NONE
			       : (int64_t)m->updated - 1 + MESSAGE_YEAR_1;
}

static inline void
message_set_updated(struct message *m, int64_t at)
{
	uint64_t u = at == CLOCK_NONE ? 0 : (uint64_t)(at - MESSAGE_YEAR_1) + 1;

	m->updated = u & ((UINT64_C(1) << 49) - 1);
}

/* Who wrote it: of an operator one of both names is enough. */
static inline uint32_t
message_writer(const struct message *m)
{
	return m->user == 0 && m->from == FROM_OPERATOR ? m->operator_id
							: m->user;
}

/* It is from a customer, operator or bot, neither private nor automated: what
 * messaging-metrics(7) counts. */
static inline bool
message_counts(const struct message *m)
{
	return m->from != FROM_SYSTEM && !m->is_private && !m->automated;
}

/* Who wrote it, and in which role: never 0. */
static inline uint64_t
message_participant(const struct message *m)
{
	return (uint64_t)message_writer(m) << 3 | m->from;
}

/* The operator who wrote it; of a system message the one it names. */
static inline uint32_t
message_operator(const struct message *m)
{
	return m->operator_id != 0 ? m->operator_id : m->user;
}

/* Compares two versions of one message: > 0 when a counts. Their times do not
 * matter: the first one's stays. The sink compares the same columns in the same
 * order (sink/tables/upsert_sql.c), and then `to` and texts, which no metric
 * reads. */
int message_compare_version(
    const struct lexicon *w, const struct message *a, const struct message *b);

/* Sorts messages, of which the first `sorted` are in order. Returns the first
 * index whose message changed, or n. */
size_t timeline_sort(
    struct timeline_scratch *t, struct message *m, size_t n, size_t sorted);

/* The index of the message of that id among messages in order, or n. Expects it
 * at that time, and else searches all. */
size_t timeline_find(
    const struct message *m, size_t n, int64_t at, message_id id);

/* Keeps the version of each id that counts, at the time of the first one,
 * sorts these, and returns how many they are. The others are in t->dropped. */
size_t timeline_normalize(const struct lexicon *w, struct timeline_scratch *t,
    struct message *m, size_t n);
void timeline_drop(struct lexicon *w, struct timeline_versions *v);

void timeline_release(struct timeline_scratch *t);

#endif
