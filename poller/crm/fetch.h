/*
 * fetch: puts questions to one tenant's CRM, up to [crm] concurrency at a time:
 * follows their pages, retries temporary errors, and pauses while the CRM
 * throttles, if that is no longer than [poller] retry_budget. A question gets
 * its good pages and then one end.
 */
#ifndef POLLER_CRM_FETCH_H
#define POLLER_CRM_FETCH_H

#include "poller/crm/failure.h"
#include "poller/crm/http.h"
#include "poller/crm/profile.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * skew: the difference between the CRM's clock and ours, from the Date headers
 * of its answers. They have whole seconds, so a smaller difference counts as
 * none.
 */

struct skew {
	int64_t offset_ms; /* to be added to our clock */
	bool known;
};

/* Updates *s from an answer that was requested at sent_ms and came at got_ms,
 * on our clock. */
void skew_update(
    struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms);

/* Converts a time of our clock into the CRM's. */
int64_t skew_apply(const struct skew *s, int64_t ours_ms);

/* ---- fetch ---- */

struct fetch;

struct ending {
	enum failure failure; /* whose */
	enum error_class error;
	const char *message; /* of an error: half a sentence */
	bool asked;          /* a request was sent; false: the profile has none
				for the question, or it was not sent */
	bool maybe;          /* it failed, but may have changed the CRM */
	int64_t ended_ms;    /* when it ended, on the CRM's clock */
	size_t missing;      /* rows of a list that is too short */
	bool silenced;       /* the CRM throttles longer than retry_budget */
};

struct crm_question {
	enum profile_call call;
	const char *item;                   /* the chat or customer it is about,
					     * for failures; NULL: the tenant.
					     * Copied. */
	json_t *chat, *hook;                /* references are taken */
	const char *known, *customer;       /* copied; may be NULL */
	const char *operator_id, *replaces; /* likewise */
	int64_t since_ms; /* of chats: what changed since then; 0: the list */
	bool changes;     /* it changes the CRM: not retried unless the request
			     is known not to have arrived */
	int64_t until_ms; /* not sent from then on, on the CRM's clock; 0: no
			     limit */
	bool urgent;      /* sent before those that are not */
	unsigned tries;   /* end after so many failures, if other questions are
			     answered meanwhile; 0: retry while retry_budget
			     lasts */
	bool at_once;     /* end after tries even if no other is answered */
	enum failure_weight weight; /* of a failure, unless the CRM is silent */
	bool optional; /* it is dropped when the breaker opens, and its
			  failure is never the tenant's */
	void *ctx;
	/* A page; asked_ms is on the CRM's clock. May take from *a. NULL: its
	 * content does not matter. */
	void (*page)(void *ctx, struct profile_answer *a, int64_t asked_ms);
	/* After the last page, or instead of the next one. */
	void (*end)(void *ctx, const struct ending *e);
};

/* Pointers are borrowed. */
struct fetch *fetch_new(struct http *h, const struct tenant *t,
    struct skew *skew) __attribute__((warn_unused_result));
void fetch_free(struct fetch *f);

/* Makes no call for so long, unless it makes none for longer already. */
void fetch_hold(struct fetch *f, int64_t ms);

/* Queues a question; *q is copied. */
void fetch_ask(struct fetch *f, const struct crm_question *q);

/* Sends what may be sent now. Milliseconds until more may be sent; INT64_MAX
 * when that depends on answers alone. */
int64_t fetch_step(struct fetch *f);

/* Handles an answer of http_next() and frees it: calls page or end of its
 * question. */
void fetch_answer(struct http_answer *a);

/* One turn for n tenants on the same *http: sends, waits for answers, handles
 * them. Returns how many questions had not ended before. */
size_t fetch_turn(struct http *http, struct fetch *const *all, size_t n);

/* Drops all questions and ignores later ones; calls no end any more. */
void fetch_stop(struct fetch *f);

/* Number of questions that have not ended. */
size_t fetch_left(const struct fetch *f);

/* Number of requests sent, by enum profile_call; and of those that are over, by
 * enum call_result. */
const uint64_t *fetch_calls(const struct fetch *f);
const uint64_t *fetch_results(const struct fetch *f);

/* How many items the CRM refused by such questions, without speaking of the
 * token. */
size_t fetch_refused(const struct fetch *f, enum profile_call call);

/* Whether the CRM's lists of chats are those of operators, see struct
 * chat_lists. */
bool fetch_lists_by_operator(const struct fetch *f);

/* The breaker of such questions. */
struct breaker *fetch_breaker(struct fetch *f, enum profile_call call);

/* Warns of the records of all answers that could not be read wholly. */
void fetch_warn_odd(const struct fetch *f);

/* For how long the CRM throttles, in ms from now; 0: it does not. */
int64_t fetch_hold_ms(const struct fetch *f);

#endif
