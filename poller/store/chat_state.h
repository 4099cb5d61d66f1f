/*
 * chat_state: what is kept of one chat between polls, as bytes for the store.
 */
#ifndef POLLER_STORE_CHAT_STATE_H
#define POLLER_STORE_CHAT_STATE_H

#include "common/containers/pack.h"
#include "poller/store/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_state {
	char *mark;        /* as the list showed it when it was read */
	char *episode;     /* "": none */
	bool complete;     /* everything that the mark stands for was read */
	unsigned failures; /* polls running in which it could not be read */
	int64_t opened_at; /* of the present episode, or CLOCK_NONE */
	int64_t since;     /* since when this mark is not settled */
	int64_t left_at;   /* no longer in the list since then; 0: it is */
	struct history history;
};

void chat_state_release(struct chat_state *c);
void chat_state_encode(const struct chat_state *c, struct buf *out);

/* -1 when the bytes are no chat; then *c is as good as released. */
int chat_state_decode(struct chat_state *c, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* The same without copies: all but the history. Texts are borrowed. */
struct chat_peek {
	const char *mark;
	bool complete;
	unsigned failures;
	int64_t opened_at, left_at;
	struct pack messages; /* for chat_peek_next() */
};
int chat_peek_decode(struct chat_peek *p, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* The next message, in order: its time and the members of its record, which
 * are borrowed. False at the end. */
bool chat_peek_next(
    struct chat_peek *p, int64_t *at, const char **body, size_t *len);

#endif
