/*
 * clocks: walks over the ordered messages of one chat, with what its chat
 * records told in between, and tells what they start, stop and mean:
 * messaging-metrics(7), "The clocks of a chat". Pure: no memory, no clock but
 * the messages' own, no knowledge of tables.
 *
 * What each event kind does is a table of functions per definition
 * (rules_ours.c, rules_chatwoot.c), a row for each row of that page.
 */
#ifndef AGGREGATOR_CLOCKS_CLOCKS_H
#define AGGREGATOR_CLOCKS_CLOCKS_H

#include "aggregator/clocks/timeline.h"

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
	bool said;    /* a chat record ended it, and no message */
	uint32_t operator_id; /* who it is credited to; 0: nobody */
	message_id message;   /* that ended it, at its end */
};

/* The rows of the table in messaging-metrics(7). */
enum event_kind {
	HAPPENS_NOTHING, /* note, autoreply, other system message */
	HAPPENS_CUSTOMER_WRITES,
	HAPPENS_HUMAN_ANSWERS,
	HAPPENS_BOT_ANSWERS,
	HAPPENS_HANDOFF,
	HAPPENS_REOPENED,
	HAPPENS_TRANSFER,
	HAPPENS_CLOSED,
	EVENT_KINDS
};

/* Private: a system message is what its kind says, whoever or whatever caused
 * it. */
static inline enum event_kind
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
static inline enum event_kind
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
	void (*on[EVENT_KINDS])(struct clocks *c, const struct message *m);
	/* A chat record says that an episode begins. */
	void (*opened)(struct clocks *c, int64_t at);
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
	/* After each message, with event kind h. */
	void (*message)(void *ctx, const struct clocks *c,
	    const struct message *m, enum event_kind h);
	/* A new episode begins: what came before, and ended then, counts no
	 * more. */
	void (*episode)(void *ctx, int64_t ended_at);
};

/* What a chat record told of an instant. Of one instant in this order, and
 * messages come before a closing. */
enum mark_kind { MARK_OPENED, MARK_HOLDER, MARK_CLOSED };

struct mark {
	int64_t at;
	enum mark_kind kind;
	uint32_t holder; /* of MARK_HOLDER; 0: nobody */
};

/* How things stand after a message: the part of it that outlasts an episode,
 * and which the walk must be told when that message is forgotten. */
enum clocks_stand {
	STAND_OVER,       /* a message told of the last closing */
	STAND_BEGUN,      /* an episode goes on */
	STAND_SAID_CLOSED /* only a chat record told of the last closing */
};

/* A chat to walk over. Of what was before a forgotten message no mark but a
 * holder is in it. */
struct clocks_chat {
	const struct message *messages; /* settled */
	size_t n;
	const struct mark *marks; /* in order */
	size_t marks_n;
	int64_t opened_at; /* as it was told first; CLOCK_NONE: never, or of a
			    * stream in which messages came before */
	int64_t as_of;
	uint32_t holder;       /* who holds it now */
	uint32_t first_holder; /* who held it before the first message, */
	bool knows_first;      /* if that is known from forgotten ones */
	int64_t reach; /* so long before it the first chat record tells who held
			  it, in ms; 0: however long */
	enum clocks_stand first_stand; /* after the last forgotten one */
	bool ongoing;
};

/* The state. Times are CLOCK_NONE while empty. */
struct clocks {
	const struct rules *rules;
	const struct clocks_chat *chat;
	const struct clocks_listener *to;
	int64_t a;      /* where the first response starts */
	int64_t w;      /* waiting since */
	int64_t f;      /* first human answer at */
	int64_t from;   /* where a resolution starts */
	int64_t part;   /* where the present holder's part of the wait starts */
	bool shard_cut; /* the wait was shared */
	bool handed_off;
	bool begun;        /* there are messages since the last closing, */
	bool said_closed;  /* of which no message told */
	bool begun_before; /* there are, but they are forgotten */
	bool closed;      /* the episode is over, the next message begins one */
	int64_t ended_at; /* then */
	const struct message *now; /* NULL: behind the last one, */
	bool said;                 /* or what a chat record told */
	size_t marks;              /* how many are done */
	uint32_t holder;
	bool holder_known;
	bool holder_said;    /* what is told later does not change it */
	bool holder_guessed; /* by the first chat record, which names */
	uint32_t guess;      /* this one, */
	int64_t guess_from;  /* from then on */
	uint32_t assigned_to;
	bool assigned;      /* an `assigned` has come */
	bool ever_assigned; /* there is one somewhere in the chat */
};

/* Runs the walk. *end, unless NULL, is the state after the last message. */
void clocks_walk(const struct rules *rules, const struct clocks_chat *chat,
    const struct clocks_listener *to, struct clocks *end);

/* For a listener, after a message. */
enum clocks_stand clocks_stand(const struct clocks *c);

const char *clocks_interval_name(enum interval_kind k);

/* For the rules: what an episode begins with. */
void clocks_reset(struct clocks *c);

/* For the rules: tells the listener of an interval. */
void clocks_emit(struct clocks *c, enum interval_kind kind, int64_t start,
    int64_t end, uint32_t operator_id);

#endif
