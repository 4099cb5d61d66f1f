/*
 * push: sends webhooks one after the other, each once, like a CRM without
 * retries. On demand, it loses, repeats and delays some of them. It has its own
 * thread, and is the only part that includes curl.h.
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
/* Drops the queued webhooks. p may be NULL. */
void push_free(struct push *p);

/* Queues a POST of a JSON body to that URL. With a secret, the body is signed
 * when it is sent, as Chatwoot does. */
void push_add(
    struct push *p, const char *url, const char *body, const char *secret);

/* Of every 1000 webhooks, `lose` are lost and `repeat` are sent twice. Each
 * waits for a random time up to `delay` milliseconds, so webhooks overtake each
 * other. */
void push_fault(struct push *p, int64_t lose, int64_t repeat, int64_t delay);

struct push_tally push_tally(struct push *p);

#endif
