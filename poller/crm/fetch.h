/*
 * fetch: sends questions to one tenant's CRM, up to [crm] concurrency at a
 * time: follows their pages, retries temporary errors, and pauses while the CRM
 * throttles, unless the pause exceeds [poller] retry_budget. A question
 * receives its good pages, followed by one end.
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
 * of its answers. These headers have whole seconds, so smaller differences
 * count as none. A Date more than a year ahead is ignored.
 */

struct skew {
	int64_t offset_ms; /* to be added to our clock */
	bool known;
};

/* Updates *s from an answer that was requested at sent_ms and arrived at got_ms
 * on our clock. */
void skew_update(
    struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms);

/* Converts a time on our clock into the CRM's. */
int64_t skew_apply(const struct skew *s, int64_t ours_ms);

/* ---- fetch ---- */

struct fetch;

struct ending {
	enum failure failure; /* whose failure it is */
	enum error_class error;
	const char *message; /* for an error: half a sentence */
	bool asked;          /* a request was sent; false: the profile has none
			      * for the question, or it was not sent */
	bool maybe;          /* it failed, but may have changed the CRM */
	int64_t ended_ms;    /* when it ended, on the CRM's clock */
	size_t missing;      /* rows missing from a list that is too short */
	bool silenced;       /* the CRM throttles for longer than
			      * retry_budget */
};

struct crm_question {
	enum profile_call call;
	const char *item; /* the chat or customer that it is
			   * about, for counting failures;
			   * NULL: the tenant. Copied. */
	json_t *with;     /* see struct profile_input; taken by fetch_ask() */
	bool changes;     /* it changes the CRM: retried only if the request is
			   * known not to have arrived */
	int64_t until_ms; /* not sent after this time, on the CRM's clock; 0: no
			   * limit */
	bool urgent;      /* sent before questions that are not urgent */
	unsigned tries;   /* ends after this many failures, if other questions
			   * are answered meanwhile; 0: retried while
			   * retry_budget lasts */
	bool at_once;     /* ends after `tries` even if no other question is
			   * answered */
	enum failure_weight weight; /* weight of a failure, unless the CRM is
				     * silent */
	bool optional; /* dropped when the breaker opens; its failure is never
			* the tenant's */
	void *ctx;
	/* Takes a page; asked_ms is on the CRM's clock. May take from *a. NULL:
	 * the content is ignored. */
	void (*page)(void *ctx, struct profile_answer *a, int64_t asked_ms);
	/* Called after the last page, or instead of the next one. NULL: the
	 * outcome is ignored. */
	void (*end)(void *ctx, const struct ending *e);
};

/* Pointers are borrowed. */
struct fetch *fetch_new(struct http *h, const struct tenant *t,
    struct skew *skew) __attribute__((warn_unused_result));
void fetch_free(struct fetch *f);

/* Stops making calls for this long, unless a longer pause is already set. */
void fetch_hold(struct fetch *f, int64_t ms);

/* Queues a question; *q is copied. */
void fetch_ask(struct fetch *f, const struct crm_question *q);

/* One turn for n tenants on the same *http: sends requests, waits at most
 * wait_ms for answers, and handles them: calls the functions page and end of
 * their questions. Returns how many questions were pending before. */
size_t fetch_turn(
    struct http *http, struct fetch *const *all, size_t n, int64_t wait_ms);

/* Drops all questions and ignores later ones; end functions are no longer
 * called. */
void fetch_stop(struct fetch *f);

/* Returns the number of questions that have not ended. */
size_t fetch_left(const struct fetch *f);

/* Return the number of requests sent, by enum profile_call, and by enum
 * call_result. */
const uint64_t *fetch_calls(const struct fetch *f);
const uint64_t *fetch_results(const struct fetch *f);

/* Returns how many items the CRM refused for such questions without mentioning
 * the token. */
size_t fetch_refused(const struct fetch *f, enum profile_call call);

/* True if the CRM lists chats by operator, see struct chat_lists. */
bool fetch_lists_by_operator(const struct fetch *f);

/* Returns the breaker for such questions. */
struct breaker *fetch_breaker(struct fetch *f, enum profile_call call);

/* Warns about partly unreadable records in any answer. */
void fetch_warn_odd(const struct fetch *f);

/* Returns how many ms longer the CRM throttles; 0: not at all. */
int64_t fetch_hold_ms(const struct fetch *f);

#endif
