/*
 * reservation: an assignment on its way. The chat is read; if it is open and
 * nobody has it, or only whom the operator shall take over from, it is given to
 * the operator; what came of it is a chat record that bears the reservation's
 * id.
 *
 *   read -> closed, another's, or the operator's already: that is the outcome
 *        -> somebody's, whom the CRM does not name: the operator's list of
 *           chats is read
 *        -> not found: read once more, after a while; not found again and in no
 *           list: gone, which is the outcome
 *        -> free: where the CRM lists the chats of each operator: count
 *           them; the operator has no room: an outcome without operator
 *        -> give -> the answer names the operator: the outcome
 *                      -> it was refused: read, and say how things stand
 *                      -> nobody knows: read, and begin anew
 *        -> free, but expired or refused: an outcome without operator
 *
 * Who reserved may know too little: what webhooks tell has no time, so that a
 * late one hides what was newer. So the limit is looked after here once more,
 * and what was seen of the operator is told along with the refusal.
 *
 * Nothing is remembered from run to run: a reservation that comes again, since
 * it was not acknowledged, begins with reading, and what was done before is
 * found done. So one that is expired is read, too: it may have been kept.
 *
 * What the CRM leaves open: between reading and giving somebody else may take
 * the chat. A CRM that can refuse then (Qiscus: max_agent) is told to by its
 * profile; at others the later one has it, and the outcome with the later time
 * says so. A request that got no answer may arrive after the next reading: then
 * it is the same operator's once more, or the next poll tells.
 */
#ifndef POLLER_ASSIGN_RESERVATION_H
#define POLLER_ASSIGN_RESERVATION_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/os/retry.h"
#include "common/records/record.h"
#include "poller/assign/recent_assignments.h"
#include "poller/assign/reservation_step.h"
#include "poller/client/fetch.h"

#include <stdbool.h>
#include <stdint.h>

enum reservation_fate {
	RESERVATION_OPEN,      /* on its way */
	RESERVATION_KEPT,      /* the operator was given the chat */
	RESERVATION_CONFIRMED, /* had it already */
	RESERVATION_TAKEN,     /* another one has it */
	RESERVATION_OVER,      /* it is not open */
	RESERVATION_REFUSED,   /* the CRM does not give it to that operator */
	RESERVATION_EXPIRED,   /* too late */
	RESERVATION_WOULD,     /* a dry run: it would be given */
	RESERVATION_LEFT,      /* no outcome: it expires by itself */
	RESERVATION_AWAY,      /* the CRM is away, and nobody wants to wait */
	RESERVATION_FATES
};

extern const char *const reservation_fate_names[RESERVATION_FATES];

struct reservation;

/* Carries out one tenant's reservations. A zeroed one with the first members
 * set; release it. */
struct tenant_assigner {
	const struct tenant *tenant; /* borrowed, as all of these */
	struct fetch *fetch;
	struct skew *skew;
	bool dry_run;      /* asks only */
	bool wait_forever; /* waits for a CRM that is away */
	bool timeless;     /* a reservation that is over counts as if it held */
	void (*done)(void *ctx, struct reservation *r);
	void *ctx;

	struct recent_assignments recent; /* that may be missing on a list */
	size_t active;                    /* reservations on their way */
	struct strmap busy;               /* their chats */
	enum exit_code code;       /* of what kept it from its work, the last */
	struct strmap asked;       /* chat -> when it was read */
	enum error_class reported; /* the trouble that was told of */
};

void tenant_assigner_release(struct tenant_assigner *assigner);

struct reservation {
	struct tenant_assigner *assigner;
	char *id, *chat, *operator_id;
	char *replaces; /* whom the operator takes over from, or NULL */
	int64_t expires;
	int64_t max_chats; /* the operator's limit; RECORD_NO_NUMBER: none */

	enum reservation_step step;
	enum reservation_fate fate;
	struct buf outcome;      /* a chat record; empty: none */
	struct buf listed_chats; /* other chat records, a line each */
	char *holder; /* who had the chat when it was read last, or NULL */

	/* private */
	struct buf body; /* of the record read last; empty: none was */
	int64_t asked_ms, closed_at;
	enum chat_status status;
	enum reservation_giving giving;
	bool taken;        /* by somebody; nobody knows whom */
	bool not_found;    /* it was not found when it was read, */
	bool in_a_list;    /* and is in a list */
	int64_t listed_ms; /* when the operator's chats were asked for, */
	struct strmap listed_ids; /* monotonic, and which they are */
	char *answer; /* whom the CRM named, when it was given, or NULL */
	struct retry retry;
	int64_t due_ms; /* of a waiting one, monotonic */
};

/* Of an assignment record; texts are copied. */
void reservation_init(struct reservation *r, struct tenant_assigner *assigner,
    const struct record *record);
void reservation_release(struct reservation *r);

/* Whether it may begin: no other one is about its chat, and there is room. */
bool reservation_may_start(const struct reservation *r);

/* Ends by assigner->done, perhaps at once. */
void reservation_start(struct reservation *r);

/* Of a waiting one: goes on if it is time. Milliseconds until then, INT64_MAX
 * if it does not wait. */
int64_t reservation_wake(struct reservation *r, int64_t now_mono);

#endif
