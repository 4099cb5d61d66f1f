/*
 * reservation_impl: what reservation.c, reservation_read.c,
 * reservation_decide.c and reservation_give.c share. They are one state machine
 * (reservation.h): each answer of the CRM leads to a decision, and each
 * decision to the next question, so they call each other. A caller must not use
 * the reservation after one of these functions, which may have ended it.
 */
#ifndef POLLER_ASSIGN_RESERVATION_IMPL_H
#define POLLER_ASSIGN_RESERVATION_IMPL_H

#include "poller/assign/reservation.h"

#include <stdbool.h>
#include <string.h>

/* reservation.c */

/* No pause between its readings is longer, but while the CRM wants fewer
 * calls. */
#define RESERVATION_CAP_MS 4000

/* End the reservation and call assigner->done: without an outcome, or with a
 * chat record of the chat as it was read and of the assignee that the CRM named
 * since. */
void reservation_done(struct reservation *r, enum reservation_result result);
void reservation_outcome(struct reservation *r, enum reservation_result result);
/* Milliseconds until its expires, by the CRM's clock; and whether there are
 * none left. */
int64_t reservation_expires_in(const struct reservation *r);
bool reservation_is_expired(const struct reservation *r);
/* Puts a question of the reservation's, which is its ctx, to the CRM before
 * those of others. How it ends also shows whether the CRM is away. */
void reservation_ask(struct reservation *r, struct crm_question *q);
/* Logs why the CRM did not give the chat. */
void reservation_warn(const struct reservation *r, const char *why);
/* Pauses, but not until long after it could be given, and reads the chat
 * again. */
void reservation_wait(struct reservation *r);
/* The CRM is unreachable: waits, if the run does, until it has expired. */
void reservation_away(struct reservation *r);
/* Logs an error of the tenant once, until such a request works again. Does not
 * end the reservation. */
void reservation_report(struct tenant_assigner *assigner,
    enum error_class error, const char *what, const char *message);
/* That this error, or one that means the same, was logged. */
bool reservation_is_reported(
    const struct tenant_assigner *assigner, enum error_class error);

/* reservation_decide.c: decides on the next state from what was read. */
void reservation_decide(struct reservation *r);

/* reservation_read.c: read the chat, find its assignee in the operators' lists,
 * list the operator's chats. */
void reservation_read(struct reservation *r);
void reservation_list(struct reservation *r);

/* reservation_give.c: asks the CRM once, and not after r->expires. */
void reservation_give(struct reservation *r);
/* How long a reservation may still be given, ms: until it expires; in a run
 * that does not wait for the CRM also until the retry budget is over, from the
 * first unclear answer on. */
int64_t reservation_give_ms(const struct reservation *r);
/* The CRM gives chats, or says why not: what was in vain before is forgotten.
 */
void reservation_clear_answer(struct tenant_assigner *assigner);
/* Ends one of which the budget is over; false: it is not. */
bool reservation_end_unclear(struct reservation *r);

static inline bool
reservation_is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

#endif
