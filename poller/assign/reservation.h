/*
 * reservation: carries out one assignment record, with which the aggregator
 * reserved a chat (allocation.c there). The chat is read from the
 * CRM. If it is open and unassigned, or assigned to the operator who is to be
 * replaced, the CRM is asked to assign it to the operator. The outcome is a
 * chat record with the reservation's id.
 *
 *   read -> closed, gone, or assigned to this or another operator (locate.h
 *           also searches the lists for that): the outcome
 *        -> unassigned: where the CRM lists chats by operator, count the
 *           operator's; at max_chats the outcome names no operator
 *        -> give -> the answer names the operator: the outcome
 *                -> refused: read again; the outcome is what the CRM shows
 *                -> no answer: read again and start over
 *        -> unassigned, but expired or refused: the outcome names no operator
 *
 * max_chats is checked again here, because the allocation's data may be
 * outdated: webhooks have no time, so a late one hides a newer state. The
 * operator's chats that were read are written together with the refusal. An
 * operator whose chats are counted gets one chat at a time; otherwise the list
 * would lack the chats being assigned.
 *
 * No state is kept between runs. An unacknowledged record is delivered again
 * and starts with reading, which shows what was done before. If a reservation
 * expires before it is started, it ends without an outcome and without a call,
 * so that reservations do not pile up while the CRM or this program is
 * unavailable; the next poll reads the assignee.
 *
 * Limits: between reading and giving, another client may assign the chat. Where
 * the CRM can refuse that (Qiscus: max_agent), the profile asks it to;
 * elsewhere the last one wins, and the outcome with the later time shows it. A
 * request without an answer may reach the CRM after the next reading: then the
 * same operator gets the chat again, or the next poll shows who has it.
 *
 *   NONE --> READING --> LISTING --> GIVING        DONE: from each but WAITING
 *             ^ ^ |                   ^  |         WAITING: from each that asks
 *             | | +-------------------+  |
 *             | +------------------------+ refused
 *           WAITING
 */
#ifndef POLLER_ASSIGN_RESERVATION_H
#define POLLER_ASSIGN_RESERVATION_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/os/retry.h"
#include "common/records/record.h"
#include "poller/chats/locate.h"
#include "poller/crm/crm_session.h"

#include <stdbool.h>
#include <stdint.h>

enum reservation_state {
	STATE_NONE,    /* not started */
	STATE_READING, /* reads the chat: its status and assignee */
	STATE_LISTING, /* may be given: reads the operator's open chats */
	STATE_GIVING,  /* the CRM is asked to assign it */
	STATE_WAITING, /* a pause, followed by READING */
	STATE_DONE,
};

/* The result of GIVING so far. */
enum reservation_giving {
	GIVING_NONE,    /* not asked */
	GIVING_ASKED,   /* asked; the CRM may have done it */
	GIVING_NAMED,   /* the answer names the assignee */
	GIVING_REFUSED, /* the CRM refused */
};

enum reservation_result {
	RESERVATION_PENDING,    /* not ended */
	RESERVATION_FULFILLED,  /* the chat was assigned to the operator */
	RESERVATION_CONFIRMED,  /* the operator already had it */
	RESERVATION_TAKEN,      /* another operator has it */
	RESERVATION_CLOSED,     /* it is closed, or gone */
	RESERVATION_REFUSED,    /* the CRM refuses to assign it to that
				 * operator */
	RESERVATION_EXPIRED,    /* unassigned, but expired */
	RESERVATION_ASSIGNABLE, /* dry run: it would be assigned */
	RESERVATION_FAILED,     /* no outcome; it expires in the allocation */
	RESERVATION_UNANSWERED, /* the CRM is unreachable, or the run stops */
	RESERVATION_RESULTS
};

extern const char *const reservation_result_names[RESERVATION_RESULTS];

struct reservation;

/* Carries out one tenant's reservations. Zero it, set the first members and
 * open the session; release it at the end. */
struct tenant_assigner {
	struct crm_session crm;
	bool dry_run;  /* only reads, and does not wait for the CRM */
	bool timeless; /* ignore expires */
	bool allowed;  /* [crm NAME] assign allows changes to the CRM */
	bool reported; /* that they are not allowed has been logged */
	void (*done)(void *ctx, struct reservation *r);
	void *ctx;

	size_t active;          /* reservations that have not ended */
	struct strmap busy;     /* their chats, by id */
	struct strmap counting; /* operators whose chats are being counted */
	/* The errors that have been logged, until such a request works. */
	enum error_class cannot_read, cannot_give;
};

void tenant_assigner_release(struct tenant_assigner *assigner);

struct reservation {
	struct tenant_assigner *assigner;
	char *id, *chat, *operator_id;
	char *replaces; /* the operator to be replaced, or NULL */
	int64_t expires;
	int64_t max_chats; /* the operator's capacity; RECORD_NO_NUMBER:
			    * unlimited */

	enum reservation_state state;
	enum reservation_result result;
	struct buf outcome;      /* a chat record; empty: none */
	struct buf listed_chats; /* other chat records, a line each */
	char *assignee; /* the assignee that the CRM named last, or NULL */

	/* private */
	struct locate locate;
	json_t *raw; /* the chat as the CRM showed it last, or NULL */
	int64_t asked_ms;
	enum chat_status status;
	enum reservation_giving giving;
	bool taken; /* assigned, but the CRM does not name the assignee */
	struct strmap listed_ids; /* chats in that list */
	char *unclear; /* why it is unclear whether it was assigned, or NULL */
	struct retry retry;
	int64_t due_ms; /* end of its pause, monotonic */
};

/* Sets up *r from an assignment record, whose texts are copied. */
void reservation_init(struct reservation *r, struct tenant_assigner *assigner,
    const struct record *record);
void reservation_release(struct reservation *r);

/* True if no other reservation of the same chat, or of an operator whose chats
 * are counted, is active, and the tenant's concurrency allows one more. */
bool reservation_may_start(const struct reservation *r);

/* Ends a reservation that was not started, if it has expired, or in a dry run
 * if the CRM is known to be unreachable. False: it goes on. */
bool reservation_give_up(struct reservation *r);

/* Starts it. It ends with a call of assigner->done, possibly before this
 * returns. */
void reservation_start(struct reservation *r);

/* Continues a waiting reservation when its pause is over. Returns the
 * milliseconds until then; INT64_MAX if it does not wait. */
int64_t reservation_wake(struct reservation *r, int64_t now_mono);

#endif
