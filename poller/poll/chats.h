/*
 * chats: the chats of one poll. Decides which of them need reading, gathers
 * their messages, and writes each of them when it is complete.
 */
#ifndef POLLER_POLL_CHATS_H
#define POLLER_POLL_CHATS_H

#include "common/containers/strmap.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/poll/customers.h"
#include "poller/poll/emit.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct polled_chat;

struct chats {
	const struct tenant *tenant;
	struct fetch *fetch;
	struct store *store; /* or NULL */
	struct emit *emit;
	struct skew *skew;
	struct strmap all; /* id -> struct chat, or DONE */
	struct customers customers;
	size_t listed, to_read, read, good, failed, stale, left;
	size_t unknown; /* somebody holds them who is not known yet */

	/* The list is read operator by operator: what is to be done about a
	 * chat is decided when all are in, for it may be moved meanwhile. */
	bool gather;
	struct polled_chat **gathered;
	size_t gathered_n, gathered_cap;
	char *first_failure; /* of a chat, half a sentence, or NULL */

	/* Something that concerns the whole tenant. */
	void (*give_up)(void *ctx, enum error_class error, const char *what,
	    const char *message);
	void *ctx;
};

void chats_init(struct chats *c);
void chats_release(struct chats *c);

/* A page of the list: its chats, and the messages it tells of. */
void chats_page(struct chats *c, struct profile_answer *a, int64_t asked_ms);

/* The list is complete: chats that were open in the last poll and are not in
 * it have left. With several pages one may have slipped through between two
 * of them, so those are asked about. */
void chats_listed(struct chats *c);

#endif
