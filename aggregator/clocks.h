/*
 * clocks: walks over the ordered messages of one chat and tells what they
 * start, stop and mean: METRICS, "The clocks of a chat". Pure: no memory, no
 * clock but the messages' own, no knowledge of tables.
 *
 * What each happening does is a table of functions per definition
 * (rules_ours.c, rules_chatwoot.c), a row for each row of METRICS.
 */
#ifndef AGGREGATOR_CLOCKS_H
#define AGGREGATOR_CLOCKS_H

#include "aggregator/timeline.h"

enum interval_kind {
	INTERVAL_FIRST_RESPONSE,
	INTERVAL_REPLY,
	INTERVAL_RESOLUTION,
	INTERVAL_UNANSWERED,
	INTERVAL_WAITING, /* a running wait, or the part of a wait that one
			     holder had before a transfer cut it */
};

struct interval {
	enum interval_kind kind;
	int64_t start, end;
	int64_t ms;   /* its length in the chosen definition, never below 0 */
	bool skewed;  /* it was below 0 */
	bool running; /* the wait goes on: no message ended it */
	uint32_t operator_id; /* who it is credited to; 0: nobody */
	ident message;        /* that ended it, at its end */
};

/* The rows of METRICS' table. */
enum happening {
	HAPPENS_NOTHING, /* note, autoreply, other system message */
	HAPPENS_CUSTOMER_WRITES,
	HAPPENS_HUMAN_ANSWERS,
	HAPPENS_BOT_ANSWERS,
	HAPPENS_HANDOFF,
	HAPPENS_REOPENED,
	HAPPENS_TRANSFER,
	HAPPENS_CLOSED,
	HAPPENINGS
};

/* Private: a system message is what its kind says, whoever or whatever caused
 * it. */
static inline enum happening
clocks_classify_system(const struct message *m)
{
	switch ((enum message_kind)m->is) {
	case KIND_OPENED:
		return HAPPENS_REOPENED;
	case KIND_CLOSED:
		return HAPPENS_CLOSED;
	case KIND_ASSIGNED:
		return HAPPENS_TRANSFER;
	case KIND_HANDOFF:
		return HAPPENS_HANDOFF;
	case KIND_OTHER:
		break;
	}
	return HAPPENS_NOTHING;
}

/* Which of them a message is: the column "record" of the table. */
static inline enum happening
clocks_classify(const struct message *m)
{
	if (m->from == FROM_SYSTEM)
		return clocks_classify_system(m);
	if (m->is_private || m->automated)
		return HAPPENS_NOTHING;
	switch ((enum message_from)m->from) {
	case FROM_CUSTOMER:
		return HAPPENS_CUSTOMER_WRITES;
	case FROM_OPERATOR:
		return HAPPENS_HUMAN_ANSWERS;
	case FROM_BOT:
		return HAPPENS_BOT_ANSWERS;
	case FROM_SYSTEM:
	case FROM_NONE:
		break;
	}
	return HAPPENS_NOTHING;
}

struct clocks;

/* One definition. */
struct rules {
	const char *name;
	bool whole_life; /* else only the present episode counts */
	void (*begin)(struct clocks *c); /* before the first message */
	void (*on[HAPPENINGS])(struct clocks *c, const struct message *m);
	/* After the last one, of an ongoing chat with W set: it waits. */
	void (*waits)(struct clocks *c, int64_t as_of);
	int64_t (*length)(int64_t start, int64_t end); /* may be below 0 */
};

extern const struct rules rules_ours;
extern const struct rules rules_chatwoot;

/* The rules of that name, or NULL. */
const struct rules *rules_find(const char *name);

/* Who listens to a walk; each may be NULL. */
struct clocks_listener {
	void *ctx;
	void (*interval)(void *ctx, const struct interval *i);
	/* After each message; counts: it belongs to an episode that may
	 * count, with happening h. */
	void (*message)(void *ctx, const struct clocks *c,
	    const struct message *m, enum happening h, bool counts);
	/* A new episode begins: what came before counts no more. */
	void (*episode)(void *ctx);
};

/* A chat to walk over. */
struct clocks_chat {
	const struct message *messages; /* settled */
	size_t n;
	int64_t opened_at;    /* CLOCK_NONE: not told */
	int64_t described_at; /* as of when the chat record speaks */
	int64_t as_of;
	uint32_t holder;       /* who holds it now */
	uint32_t told_holder;  /* who the chat record says holds it */
	uint32_t first_holder; /* who held it before the first message, */
	bool knows_first;      /* if that is known from forgotten ones */
	bool ongoing;
	bool history; /* intervals of what was before opened_at are told too */
};

/* The state. Times are CLOCK_NONE while empty. */
struct clocks {
	const struct rules *rules;
	const struct clocks_chat *chat;
	const struct clocks_listener *to;
	int64_t a;     /* where the first response starts */
	int64_t w;     /* waiting since */
	int64_t f;     /* first human answer at */
	int64_t from;  /* where a resolution starts */
	int64_t part;  /* where the present holder's part of the wait starts */
	bool part_cut; /* the wait was shared */
	bool handed_off;
	bool closed; /* the episode is over, the next message begins one */
	bool early;  /* before opened_at */
	const struct message *now; /* NULL: behind the last one */
	uint32_t holder;
	bool holder_known;
	bool assigned;      /* an `assigned` has come */
	bool ever_assigned; /* there is one somewhere in the chat */
};

/* Runs the walk. *end, unless NULL, is the state after the last message. */
void clocks_walk(const struct rules *rules, const struct clocks_chat *chat,
    const struct clocks_listener *to, struct clocks *end);

const char *clocks_interval_name(enum interval_kind k);

/* For the rules: tells the listener of an interval. */
void clocks_emit(struct clocks *c, enum interval_kind kind, int64_t start,
    int64_t end, uint32_t operator_id);

#endif
