/*
 * chat_state: the state of one chat between polls, and its encoding as bytes
 * for the store.
 */
#ifndef POLLER_STORE_CHAT_STATE_H
#define POLLER_STORE_CHAT_STATE_H

#include "common/containers/pack.h"
#include "poller/store/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_state {
	char *row;         /* the chat's record, where lists are of changes */
	char *mark;        /* of the list, when the chat was read */
	char *episode;     /* "": none */
	char *operator_id; /* who had it; "": nobody */
	bool complete;     /* all messages up to the mark were read */
	unsigned failures; /* consecutive polls that could not read it */
	int64_t opened_at; /* of the current episode, or CLOCK_NONE */
	int64_t since;     /* since when this mark is not complete */
	int64_t left_at;   /* when it left the list; 0: it is there */
	struct history history;
};

void chat_state_release(struct chat_state *c);
void chat_state_encode(const struct chat_state *c, struct buf *out);

/* Decodes; -1 if the bytes are damaged, and then *c is released. */
int chat_state_decode(struct chat_state *c, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* The same without copying, and without the history. Texts are borrowed. */
struct chat_peek {
	const char *row, *mark, *operator_id;
	bool complete;
	unsigned failures;
	int64_t opened_at, left_at;
	struct pack messages; /* for chat_peek_next() */
};
int chat_peek_decode(struct chat_peek *p, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* The next message, in order of time: *body has the members of its record,
 * borrowed. False at the end. */
bool chat_peek_next(
    struct chat_peek *p, int64_t *at, const char **body, size_t *len);

#endif
