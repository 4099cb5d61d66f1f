/*
 * push: sends webhooks one after the other, each once, like a CRM without
 * retries; on demand it loses, repeats and delays some. It has its own thread,
 * and is the only part that includes curl.h.
 */
#ifndef TESTS_CRM_PUSH_H
#define TESTS_CRM_PUSH_H

#include <stdint.h>

struct push;

struct push_tally {
	int64_t queued; /* not yet sent, or without an answer */
	int64_t sent, good, failed, lost, repeated;
};

struct push *push_new(uint64_t seed);
/* What is queued is not sent any more. NULL is fine. */
void push_free(struct push *p);

/* POSTs a body of JSON to that URL, soon; with a secret it is signed when it is
 * sent, as Chatwoot does. */
void push_add(
    struct push *p, const char *url, const char *body, const char *secret);

/* Of 1000 webhooks so many are lost, so many sent twice, and each waits for
 * anything up to so many milliseconds, so that they overtake each other. */
void push_fault(struct push *p, int64_t lose, int64_t repeat, int64_t delay);

struct push_tally push_tally(struct push *p);

#endif
