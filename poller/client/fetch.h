/*
 * fetch: puts questions to one tenant's CRM, as many at a time as allowed,
 * follows their pages, tries again what failed in passing, and waits when the
 * CRM wants it. Who asks sees good pages and one end.
 */
#ifndef POLLER_CLIENT_FETCH_H
#define POLLER_CLIENT_FETCH_H

#include "poller/client/http.h"
#include "poller/client/skew.h"
#include "poller/client/tenant.h"
#include "poller/profile/profile.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch;

struct ending {
	enum error_class error;
	const char *message; /* of a fault: half a sentence */
	bool outage;         /* nothing else was answered meanwhile either */
	bool maybe; /* it failed, and yet what was to change may have changed */
	int64_t ended_ms; /* now, on the CRM's clock */
	bool silenced; /* the CRM wants no call for longer than retry_budget */
};

struct question {
	enum profile_call call;
	struct value *chat;                 /* a reference is taken */
	const char *known, *customer;       /* copied; may be NULL */
	const char *operator_id, *replaces; /* likewise */
	bool changes;     /* something at the CRM: never asked again when it is
			     not known whether the request arrived */
	int64_t until_ms; /* on the CRM's clock: not asked from then on; 0:
			     whenever */
	bool urgent;      /* before all that are not */
	unsigned tries;   /* give up after so many failures, if other questions
			     are answered meanwhile; 0: try while the budget of
			     retries lasts */
	bool at_once;     /* ... even if they are not */
	void *ctx;
	/* A page; asked_ms is the CRM's clock. The answer may be emptied. */
	void (*page)(void *ctx, struct profile_answer *a, int64_t asked_ms);
	/* After the last page, or instead of the next one. */
	void (*end)(void *ctx, const struct ending *e);
};

/* All borrowed. */
struct fetch *fetch_new(struct http *h, const struct tenant *t,
    struct skew *skew) __attribute__((warn_unused_result));
void fetch_free(struct fetch *f);

/* No more than that many calls; each further one ends as ERROR_CLASS_QUOTA. */
void fetch_limit(struct fetch *f, uint64_t calls);

void fetch_ask(struct fetch *f, const struct question *q);

/* Starts what may be started. Milliseconds until there is more to start,
 * INT64_MAX when only answers can bring that about. */
int64_t fetch_step(struct fetch *f);

/* An answer of http_next(), which goes to whoever asked; taken. */
void fetch_answer(struct http_answer *a);

/* A turn of several: starts what may be started, waits for answers, hands them
 * on. How many questions have not ended. */
size_t fetch_turn(struct http *http, struct fetch *const *all, size_t n);

/* Forgets all questions; no end is called any more. */
void fetch_stop(struct fetch *f);

/* Questions that have not ended. */
size_t fetch_left(const struct fetch *f);

/* Requests made, by kind. */
const uint64_t *fetch_calls(const struct fetch *f);

/* How long the CRM wants us to stay away, in ms from now; 0: not at all. */
int64_t fetch_hold_ms(const struct fetch *f);

#endif
