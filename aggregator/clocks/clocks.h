/*
 * clocks: walks over the messages of one chat in order, merged with what its
 * chat records report, and emits the intervals that they start and end:
 * messaging-metrics(7), "The clocks of a chat". A pure function of its input:
 * it allocates nothing, reads no system clock and knows no tables.
 *
 * clocks.c has what both definitions of the clocks share. What an event kind
 * does in a definition is a function in definition_ours.c or
 * definition_chatwoot.c, one for each row of the table in that page. The files
 * call each other: the functions use clocks_reset() and clocks_emit().
 */
#ifndef AGGREGATOR_CLOCKS_CLOCKS_H
#define AGGREGATOR_CLOCKS_CLOCKS_H

#include "aggregator/clocks/timeline.h"

enum interval_kind {
	INTERVAL_FIRST_RESPONSE,
	INTERVAL_REPLY,
	INTERVAL_RESOLUTION,
	INTERVAL_UNANSWERED,
	INTERVAL_WAITING, /* a wait that goes on, or one assignee's part of a
			     wait that a transfer split */
};

struct interval {
	enum interval_kind kind;
	uint16_t channel; /* of that message, in the lexicon; 0: none */
	int64_t start, end;
	int64_t ms;     /* its length by the definition; below 0 becomes 0 */
	bool skewed;    /* the length was below 0 */
	bool running;   /* the wait goes on: no message ended it */
	bool by_record; /* a chat record ended it, not a message */
	bool credited;  /* of the model: a response of the present episode of
			   an open chat, which operator and tenant have */
	uint32_t operator_id; /* who it is credited to; 0: nobody */
	message_id message;   /* the message that ended it */
};

/* The rows of the table in messaging-metrics(7). */
enum event_kind {
	EVENT_NOTHING, /* note, autoreply, other system message */
	EVENT_CUSTOMER_WRITES,
	EVENT_HUMAN_ANSWERS,
	EVENT_BOT_ANSWERS,
	EVENT_HANDOFF,
	EVENT_REOPENED,
	EVENT_TRANSFER,
	EVENT_CLOSED,
	EVENT_KINDS
};

/* Private. The kind of a system message decides, not its author. */
static inline enum event_kind
clocks_classify_system(const struct message *m)
{
	switch ((enum message_kind)m->is) {
	case KIND_OPENED:
		return EVENT_REOPENED;
	case KIND_CLOSED:
		return EVENT_CLOSED;
	case KIND_ASSIGNED:
		return EVENT_TRANSFER;
	case KIND_HANDOFF:
		return EVENT_HANDOFF;
	case KIND_OTHER:
		break;
	}
	return EVENT_NOTHING;
}

/* The event kind of a message: the column "record" of that table. */
static inline enum event_kind
clocks_classify(const struct message *m)
{
	if (m->from == FROM_SYSTEM)
		return clocks_classify_system(m);
	if (m->is_private || m->automated)
		return EVENT_NOTHING;
	switch ((enum message_from)m->from) {
	case FROM_CUSTOMER:
		return EVENT_CUSTOMER_WRITES;
	case FROM_OPERATOR:
		return EVENT_HUMAN_ANSWERS;
	case FROM_BOT:
		return EVENT_BOT_ANSWERS;
	case FROM_SYSTEM:
	case FROM_NONE:
		break;
	}
	return EVENT_NOTHING;
}

struct clocks;

/* One definition of the clocks. */
struct definition {
	const char *name;
	bool whole_life; /* else only the present episode counts */
	void (*begin)(struct clocks *c); /* called before the first message */
	void (*on[EVENT_KINDS])(struct clocks *c, const struct message *m);
	/* Called when a chat record reports that an episode begins. */
	void (*opened)(struct clocks *c, int64_t at);
	/* Called after the last message of an open chat whose W is set. */
	void (*waits)(struct clocks *c, int64_t as_of);
	/* Of an interval, in ms; may be below 0. */
	int64_t (*length)(int64_t start, int64_t end);
};

extern const struct definition definition_ours;
extern const struct definition definition_chatwoot;

/* The definition of that name, or NULL. */
const struct definition *definition_find(const char *name);

/* The callbacks of a walk; each may be NULL. */
struct clocks_listener {
	void *ctx;
	void (*on_interval)(void *ctx, const struct interval *i);
	/* After each message, with its event kind. */
	void (*on_message)(void *ctx, const struct clocks *c,
	    const struct message *m, enum event_kind kind);
	/* A new episode begins; the one before ended at that time and counts
	 * no more. */
	void (*on_episode)(void *ctx, int64_t ended_at);
};

/* What a chat record reports of an instant. Marks of one instant are in this
 * order; messages of that instant come before MARK_CLOSED. */
enum mark_kind { MARK_OPENED, MARK_ASSIGNEE, MARK_CLOSED };

struct mark {
	int64_t at;
	enum mark_kind kind;
	uint32_t assignee; /* of MARK_ASSIGNEE; 0: nobody */
};

/* The state of the episode after a message. A walk that begins after dropped
 * messages needs the state after the last of them. The values are packed
 * (model_pack.c). */
enum episode_state {
	EPISODE_NONE,             /* no message came yet */
	EPISODE_ONGOING,          /* messages came since the last closing */
	EPISODE_CLOSED_BY_RECORD, /* closed by a chat record alone */
	EPISODE_CLOSED_BY_MESSAGE
};

/* The input of a walk. When messages were dropped, the marks of their time are
 * left out, but for MARK_ASSIGNEE. */
struct clocks_chat {
	const struct message *messages; /* in order, each once */
	size_t n;
	const struct mark *marks; /* in order */
	size_t marks_n;
	int64_t opened_at; /* the first reported opening; CLOCK_NONE: none, or
			      in a stream a message was before it */
	int64_t as_of;
	uint32_t assignee;              /* at the end of the chat */
	uint32_t first_assignee;        /* before the first message, */
	bool first_assignee_known;      /* if dropped messages left it known */
	enum episode_state first_state; /* after the last dropped message */
	bool ongoing;
};

/* The state of a walk. A time that is not set is CLOCK_NONE. a, w and f are
 * the clocks A, W and F of messaging-metrics(7). */
struct clocks {
	const struct definition *definition;
	const struct clocks_chat *chat;
	const struct clocks_listener *listener;
	int64_t a;          /* start of the first response */
	int64_t w;          /* waiting since */
	int64_t f;          /* first human answer */
	int64_t from;       /* start of the resolution */
	int64_t part_start; /* of the present assignee's part of the wait */
	bool wait_split;    /* a transfer split the wait */
	bool handed_off;
	/* Since the last opening that was told; after a message, the state that
	 * a walk behind it begins with. */
	enum episode_state episode;
	bool begun;       /* a message of this walk is in the episode */
	bool closed;      /* the next message begins an episode */
	int64_t ended_at; /* when the episode closed */
	int64_t told_at;  /* of the last message of a closing */
	const struct message *current; /* NULL: after the last message, */
	bool by_record;                /* or a mark is applied */
	size_t marks;                  /* how many were applied */
	uint32_t assignee;
	bool assignee_known; /* something up to here named them */
	int64_t replaced_at; /* when a chat record named the assignee, */
	uint32_t replaced;   /* and who it was before that time */
};

/* Walks over the chat. *end, unless NULL, is the state after the last
 * message. */
void clocks_walk(const struct definition *definition,
    const struct clocks_chat *chat, const struct clocks_listener *listener,
    struct clocks *end);

const char *clocks_interval_name(enum interval_kind k);

/* For a definition: sets the state that an episode begins with. */
void clocks_reset(struct clocks *c);

/* For a definition: passes an interval to the listener. */
void clocks_emit(struct clocks *c, enum interval_kind kind, int64_t start,
    int64_t end, uint32_t operator_id);

#endif
