/*
 * promise: an assignment on its way. The chat is read; if it is open and
 * nobody has it, or only whom the operator shall take over from, it is given to
 * the operator; what came of it is a chat record that bears the promise's id.
 *
 *   read -> closed, another's, or the operator's already: that is the outcome
 *        -> somebody's, whom the CRM does not name: the operator's list of
 *           chats is read
 *        -> free: where the CRM lists the chats of each operator: count
 *           them; the operator has no room: an outcome without operator
 *        -> give -> the answer names the operator: the outcome
 *                      -> it was refused: read, and say how things stand
 *                      -> nobody knows: read, and begin anew
 *        -> free, but expired or refused: an outcome without operator
 *
 * Who promised may know too little: what webhooks tell has no time, so that a
 * late one hides what was newer. So the limit is looked after here once more,
 * and what was seen of the operator is told along with the refusal.
 *
 * Nothing is remembered from run to run: a promise that comes again, since it
 * was not acknowledged, begins with reading, and what was done before is found
 * done. So one that is expired is read, too: it may have been kept.
 *
 * What the CRM leaves open: between reading and giving somebody else may take
 * the chat. A CRM that can refuse then (Qiscus: max_agent) is told to by its
 * profile; at others the later one has it, and the outcome with the later time
 * says so. A request that got no answer may arrive after the next reading: then
 * it is the same operator's once more, or the next poll tells.
 */
#ifndef POLLER_PROMISE_H
#define POLLER_PROMISE_H

#include "common/buf.h"
#include "common/record.h"
#include "common/retry.h"
#include "common/strmap.h"
#include "poller/fetch.h"
#include "poller/gifts.h"

#include <stdbool.h>
#include <stdint.h>

enum promise_fate {
	PROMISE_OPEN,      /* on its way */
	PROMISE_KEPT,      /* the operator was given the chat */
	PROMISE_CONFIRMED, /* had it already */
	PROMISE_TAKEN,     /* another one has it */
	PROMISE_OVER,      /* it is not open */
	PROMISE_REFUSED,   /* the CRM does not give it to that operator */
	PROMISE_EXPIRED,   /* too late */
	PROMISE_WOULD,     /* a dry run: it would be given */
	PROMISE_LEFT,      /* no outcome: it expires by itself */
	PROMISE_AWAY,      /* the CRM is away, and nobody wants to wait */
	PROMISE_FATES
};

extern const char *const promise_fate_names[PROMISE_FATES];

struct promise;

/* Carries out one tenant's promises. A zeroed one with the first members set;
 * release it. */
struct clerk {
	const struct tenant *tenant; /* borrowed, as all of these */
	struct fetch *fetch;
	struct skew *skew;
	bool dry_run;  /* asks only */
	bool patient;  /* waits for a CRM that is away */
	bool timeless; /* a promise that is over counts as if it held */
	void (*done)(void *ctx, struct promise *p);
	void *ctx;

	struct gifts gifts;  /* that may be missing on a list */
	size_t active;       /* promises on their way */
	struct strmap busy;  /* their chats */
	enum exit_code code; /* of what kept it from its work, the last */
	struct strmap asked; /* chat -> when it was read */
	bool proved;         /* some chat was read */
	enum fault told;     /* the trouble that was told of */
};

void clerk_release(struct clerk *c);

enum promise_step {
	STEP_NONE,
	STEP_READING,
	STEP_GIVING, /* the CRM may be changing */
	STEP_WAITING,
	STEP_DONE,
};

struct promise {
	struct clerk *clerk;
	char *id, *chat, *operator_id;
	char *replaces; /* whom the operator takes over from, or NULL */
	int64_t expires;
	int64_t max_chats; /* the operator's limit; RECORD_NO_NUMBER: none */

	enum promise_step step;
	enum promise_fate fate;
	struct buf outcome; /* a chat record; empty: none */
	struct buf seen;    /* other chat records, a line each */
	char *holder; /* who had the chat when it was read last, or NULL */

	/* private */
	struct buf body; /* of the record read last; empty: none was */
	int64_t asked_ms, closed_at;
	enum chat_status status;
	bool tried, refused, named;
	bool taken;           /* by somebody; nobody knows whom */
	const char *searched; /* in whose list the chat was looked for */
	bool listed;          /* the operator's chats were, */
	int64_t listed_ms;    /* asked for then, monotonic */
	struct strmap held;   /* and are these */
	char *answer; /* whom the CRM named, when it was given, or NULL */
	struct retry retry;
	int64_t due_ms; /* of a waiting one, monotonic */
};

/* Of an assignment record; texts are copied. */
void promise_init(struct promise *p, struct clerk *c, const struct record *r);
void promise_release(struct promise *p);

/* Whether it may begin: no other one is about its chat, and there is room. */
bool promise_may_start(const struct promise *p);

/* Ends by clerk->done, perhaps at once. */
void promise_start(struct promise *p);

/* Of a waiting one: goes on if it is time. Milliseconds until then, INT64_MAX
 * if it does not wait. */
int64_t promise_wake(struct promise *p, int64_t now_mono);

#endif
