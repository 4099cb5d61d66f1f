/*
 * timeline: the messages of one chat, each once and in order, whatever the
 * order they came in. Knows nothing of clocks.
 */
#ifndef AGGREGATOR_TIMELINE_H
#define AGGREGATOR_TIMELINE_H

#include "common/record.h"

#include "aggregator/names.h"

/* What the clocks must know of a message's kind. */
enum message_kind {
	KIND_OTHER, /* and everything that is not from the system */
	KIND_OPENED,
	KIND_CLOSED,
	KIND_ASSIGNED,
	KIND_HANDOFF,
};

struct message {
	int64_t at;
	int64_t updated_at; /* CLOCK_NONE, the oldest, when not told */
	const char *id;
	struct name *user;
	struct name *operator_id;
	struct name *kind;
	const char *text; /* only where somebody asked to see it */
	uint8_t id_len;   /* RECORD_MAX_ID fits */
	uint8_t from;     /* enum message_from */
	uint8_t is;       /* enum message_kind */
	bool is_private;
	bool automated;
};

/* Who wrote it, as an operator: a system message's operator is who it names. */
static inline struct name *
message_operator(const struct message *m)
{
	return m->operator_id != NULL ? m->operator_id : m->user;
}

/* Two different messages, by (at, id): <0, >0; 0 only for the same id. */
int message_compare(const struct message *a, const struct message *b);

/* Two versions of one message: > 0 when a is the one that counts. */
int message_compare_version(const struct message *a, const struct message *b);

/* Keeps of each id the version that counts, puts the rest in order, and
 * returns how many are left. */
size_t timeline_settle(struct message *m, size_t n);

#endif
