/*
 * promise_impl: what the files of promise share. Each of these is the last
 * thing its caller does with the promise: it may end with it, or go on when
 * the CRM answers.
 */
#ifndef POLLER_PROMISE_IMPL_H
#define POLLER_PROMISE_IMPL_H

#include "poller/fault.h"
#include "poller/promise.h"

#include <stdbool.h>
#include <string.h>

/* promise.c */

/* It is over, and clerk->done is told: without an outcome, or with one that
 * says how the chat stands, as it was read, and whom the CRM named since. */
void promise_done(struct promise *p, enum promise_fate fate);
void promise_outcome(struct promise *p, enum promise_fate fate);
/* All is known that was asked for. */
void promise_decide(struct promise *p);
/* Read anew after a while. */
void promise_wait(struct promise *p);
/* A trouble of the tenant is told once, until something works again. This one
 * ends nothing. */
void promise_tell(
    struct clerk *c, enum fault fault, const char *what, const char *message);

/* promise_read.c: the chat; whose it is; what the operator has. */
void promise_read(struct promise *p);
void promise_search(struct promise *p, const char *whose);
void promise_list(struct promise *p);

/* promise_give.c: asked once, and not when the promise is over meanwhile. */
void promise_give(struct promise *p);

static inline bool
promise_is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

#endif
