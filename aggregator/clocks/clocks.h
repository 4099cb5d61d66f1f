/*
 * clocks: walks over the messages in one chat in order, merged with the reports
 * of its chat records, and emits the intervals that they start and end:
 * messaging-metrics(7), "The clocks of a chat". A pure function of its input:
 * it allocates nothing, reads no system clock and does not depend on tables.
 *
 * Two definitions of the clocks share the walk. The effect of an event kind in
 * a definition is a function, one for each row of the table in that page.
 */
#ifndef AGGREGATOR_CLOCKS_CLOCKS_H
#define AGGREGATOR_CLOCKS_CLOCKS_H

#include "aggregator/clocks/timeline.h"

enum interval_kind {
	INTERVAL_FIRST_RESPONSE,
	INTERVAL_REPLY,
	INTERVAL_RESOLUTION,
	INTERVAL_UNANSWERED,
	INTERVAL_WAITING, /* an unfinished wait, or the part of a wait that
			   * belongs to one assignee before a transfer */
};

struct interval {
	enum interval_kind kind;
	uint16_t channel; /* the message's channel, a number in the lexicon; 0:
			   * none. The model sets it if by_record */
	int64_t start, end;
	int64_t ms;     /* length in ms by the definition, at least 0 */
	bool skewed;    /* the computed length was negative */
	bool first;     /* INTERVAL_UNANSWERED: of the first response */
	bool running;   /* the wait has not ended yet */
	bool by_record; /* ended by a chat record, not by a message */
	bool credited;  /* set by the model: counts in the current figures of
			 * the operator and the tenant (a response in the
			 * current episode of an open chat) */
	uint32_t operator_id; /* the operator it is credited to; 0: nobody */
	message_id message;   /* the message that ended it */
};

/* The event kinds are the rows of the table in messaging-metrics(7). */
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

/* Private. Classifies a system message, which depends only on its kind. */
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

/* Returns the event kind of a message (the column "record" in that table). */
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

/* A definition of the clocks. */
struct definition {
	const char *name;
	bool whole_life; /* covers the chat's whole life, not only the current
			  * episode */
	/* Private. NULL: nothing happens. */
	/* Called before the first message. */
	void (*begin)(struct clocks *c);
	void (*on[EVENT_KINDS])(struct clocks *c, const struct message *m);
	/* Called when a chat record reports an opening. */
	void (*opened)(struct clocks *c, int64_t at);
	/* Called after the last message of an open chat in which a customer is
	 * waiting (W is set). */
	void (*waits)(struct clocks *c, int64_t as_of);
	/* Returns the length of an interval in ms; may be negative. */
	int64_t (*length)(int64_t start, int64_t end);
};

extern const struct definition definition_ours;

/* Returns the definition with that name, or NULL. */
const struct definition *definition_find(const char *name);

/* The callbacks of a walk; any of them may be NULL. */
struct clocks_listener {
	void *ctx;
	void (*on_interval)(void *ctx, const struct interval *i);
	/* Called when the running wait turns out to belong to the answerer as a
	 * whole: withdraws the parts that start at or after that time, which
	 * were the last intervals. */
	void (*on_undivided)(void *ctx, int64_t since);
	/* Called after each message, with its event kind. */
	void (*on_message)(void *ctx, const struct clocks *c,
	    const struct message *m, enum event_kind kind);
	/* Called when an episode begins. The previous one ended at ended_at and
	 * no longer counts. */
	void (*on_episode)(void *ctx, int64_t ended_at);
};

/* What a chat record reports. Marks with the same time are applied in the order
 * of this enum; messages with that time come before MARK_CLOSED. A closing that
 * ends an episode begun earlier comes before an opening with the same time. */
enum mark_kind { MARK_ASSIGNEE, MARK_OPENED, MARK_CLOSED };

struct mark {
	int64_t at;
	enum mark_kind kind;
	uint32_t assignee; /* for MARK_ASSIGNEE; 0: nobody */
};

/* The input of a walk. If messages were dropped, the marks from their time are
 * left out, except MARK_ASSIGNEE. */
struct clocks_chat {
	const struct message *messages; /* sorted, without duplicates */
	size_t n;
	const struct mark *marks; /* sorted */
	size_t marks_n;
	int64_t opened_at; /* the earliest reported opening; CLOCK_NONE:
			    * unknown, or preceded by a message in a stream */
	int64_t as_of;
	uint32_t assignee;         /* at the end of the chat */
	uint32_t first_assignee;   /* before the first message, */
	bool first_assignee_known; /* if known from dropped messages */
	bool ongoing;
};

/* The state of a walk. Times are CLOCK_NONE while not set. a, w and f are the
 * clocks A, W and F of messaging-metrics(7). */
struct clocks {
	const struct definition *definition;
	const struct clocks_chat *chat;
	const struct clocks_listener *listener;
	int64_t a;          /* start of the first response */
	int64_t w;          /* waiting since */
	int64_t f;          /* first human response */
	int64_t from;       /* start of the resolution */
	int64_t part_start; /* start of the current assignee's part of the
			     * wait */
	bool wait_split;    /* a transfer split the wait */
	bool handed_off;
	bool begun;       /* something has begun an episode */
	int64_t begun_at; /* when; undefined unless begun */
	bool closed;      /* the next message begins an episode */
	int64_t ended_at; /* when the episode ended */
	int64_t told_at;  /* the time of the last closing, which both a message
			   * and a chat record may report */
	int64_t deferred; /* an opening that comes after a closing message with
			   * the same time */
	bool opening_known;            /* chatwoot: an opening has set `from` */
	size_t walked;                 /* number of messages walked so far */
	const struct message *current; /* NULL after the last message */
	bool by_record;                /* a mark is being applied */
	size_t marks;                  /* number of marks applied so far */
	uint32_t assignee;
	bool assignee_known; /* a message or mark has named the assignee */
	int64_t transferred_at;
	int64_t replaced_at; /* when a chat record replaced the assignee */
	uint32_t replaced;   /* the assignee until then */
};

/* Until when a transfer or closing of that time wins over chat records. CRMs
 * date messages by whole seconds: such a message was at any time of its
 * second. */
static inline int64_t
clocks_wins_until(int64_t at)
{
	return at % 1000 == 0 ? at + 999 : at;
}

/* Walks over the chat. Stores the state after the last message in *end unless
 * end is NULL. */
void clocks_walk(const struct definition *definition,
    const struct clocks_chat *chat, const struct clocks_listener *listener,
    struct clocks *end);

const char *clocks_interval_name(enum interval_kind k);

#endif
