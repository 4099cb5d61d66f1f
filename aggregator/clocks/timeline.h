/*
 * timeline: the messages of one chat, each once and in order, whatever the
 * order they came in. Knows nothing of clocks.
 */
#ifndef AGGREGATOR_CLOCKS_TIMELINE_H
#define AGGREGATOR_CLOCKS_TIMELINE_H

#include "common/containers/strmap.h"
#include "common/records/record.h"

#include "aggregator/clocks/message_id.h"
#include "aggregator/containers/interner.h"

/* What the clocks must know of a message's kind. */
enum message_kind {
	KIND_OTHER, /* and everything that is not from the system */
	KIND_OPENED,
	KIND_CLOSED,
	KIND_ASSIGNED,
	KIND_HANDOFF,
};

/* 32 bytes: there are a million of them. */
struct message {
	int64_t at : 49;       /* see message_set_at() */
	uint64_t channel : 15; /* of the lexicon; 0: none */
	message_id id;
	uint32_t user; /* names */
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

/* What messages are made of. */
struct lexicon {
	struct interner names;
	struct message_ids message_ids;
	uint32_t kinds[LEXICON_KINDS + 1]; /* names, held */
	unsigned kinds_n;
	uint32_t *channels; /* names, held; from 1 on */
	unsigned channels_n;
	/* Private: the number of each channel, the one asked for last; and for
	 * timeline_settle(). */
	struct strmap channel_numbers;
	unsigned last_channel;
	bool channels_full;
	uint32_t *table;
	size_t table_cap;
	struct message *scratch;
	size_t scratch_cap;
};

void lexicon_init(struct lexicon *w);
void lexicon_release(struct lexicon *w);

/* The number of a message's kind. A tenant has LEXICON_KINDS kinds at most,
 * what is more is one more kind without a name: no metric depends on it. */
unsigned lexicon_kind(struct lexicon *w, struct text kind);

/* The number of a channel; 0 for none, and, which is said once, for more than
 * LEXICON_CHANNELS. */
unsigned lexicon_channel(struct lexicon *w, struct text channel);

/* Absent for none. */
struct text lexicon_channel_text(const struct lexicon *w, unsigned channel);

/* A message of a record, in two steps: all but the names, and these. What it
 * has is held until it is dropped. near: two names that are likely to be its
 * user's, the last customer's and the last one's of all others in that chat,
 * kept by the caller. */
void message_read(struct lexicon *w, struct message *m, const struct record *r);
void message_name(struct lexicon *w, struct message *m, struct text user,
    struct text operator_id, uint32_t near[2]);
void message_drop(struct lexicon *w, const struct message *m);

/* 49 bits have room for the years 1 to 9999. */
void message_set_at(struct message *m, int64_t at);

/* CLOCK_NONE, the oldest, when not told. */
int64_t message_updated_at(const struct message *m);
void message_set_updated(struct message *m, int64_t at);

/* Who wrote it, as an operator: a system message's operator is who it names. */
static inline uint32_t
message_operator(const struct message *m)
{
	return m->operator_id != 0 ? m->operator_id : m->user;
}

/* Two different messages, by (at, id): <0, >0; 0 only for the same id. */
int message_compare(
    const struct lexicon *w, const struct message *a, const struct message *b);

/* Two versions of one message: > 0 when a is the one that counts. What no
 * metric is made of, to and text, is not looked at. */
int message_compare_version(
    const struct lexicon *w, const struct message *a, const struct message *b);

/* Puts messages in order, of which the first `sorted` are already. The first
 * index that holds another one now, or n. */
size_t timeline_sort(
    struct lexicon *w, struct message *m, size_t n, size_t sorted);

/* Of messages in order: the one of that id, looked for at its time first; or
 * n. */
size_t timeline_find(const struct lexicon *w, const struct message *m, size_t n,
    int64_t at, message_id id);

/* Keeps of each id the version that counts, drops the others, puts the rest in
 * order, and returns how many are left. */
size_t timeline_normalize(struct lexicon *w, struct message *m, size_t n);

#endif
