/*
 * reservation_impl: what the files of reservation share. Each of these is the
 * last thing its caller does with the reservation: it may end with it, or go on
 * when the CRM answers.
 */
#ifndef POLLER_ASSIGN_RESERVATION_IMPL_H
#define POLLER_ASSIGN_RESERVATION_IMPL_H

#include "poller/assign/reservation.h"
#include "poller/client/error_class.h"

#include <stdbool.h>
#include <string.h>

/* reservation.c */

/* It is over, and assigner->done is told: without an outcome, or with one that
 * says how the chat stands, as it was read, and whom the CRM named since. */
void reservation_done(struct reservation *r, enum reservation_fate fate);
void reservation_outcome(struct reservation *r, enum reservation_fate fate);
/* All is known that was asked for. */
void reservation_decide(struct reservation *r);
/* The step that follows. */
void reservation_go(struct reservation *r, enum reservation_step to);
/* Read anew after a while. */
void reservation_wait(struct reservation *r);
/* A trouble of the tenant is told once, until something works again. This one
 * ends nothing. */
void reservation_report(struct tenant_assigner *assigner,
    enum error_class error, const char *what, const char *message);

/* reservation_read.c: the chat; whose it is; what the operator has. */
void reservation_read(struct reservation *r);
void reservation_search(struct reservation *r, enum reservation_step whose);
void reservation_list(struct reservation *r);

/* reservation_give.c: asked once, and not when the reservation is over
 * meanwhile.
 */
void reservation_give(struct reservation *r);

static inline bool
reservation_is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

#endif
