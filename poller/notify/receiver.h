/*
 * receiver: where notices go, a section [notify NAME]: an HTTP address or mail
 * addresses. A receiver is sent one message at a time.
 *
 * After a failure it is left alone for a while, which grows with each further
 * one and is at least what Retry-After asks for. Other receivers do not notice.
 *
 * The address of a webhook is a secret: no message names it.
 */
#ifndef POLLER_NOTIFY_RECEIVER_H
#define POLLER_NOTIFY_RECEIVER_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/os/retry.h"
#include "poller/crm/filter.h"
#include "poller/crm/http.h"
#include "poller/notify/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum receiver_state {
	RECEIVER_IDLE,
	RECEIVER_BUSY,
	/* The message has ended; receiver_done() makes it idle again. */
	RECEIVER_TOLD,
	RECEIVER_LATER, /* it may succeed later */
	RECEIVER_NEVER, /* the receiver refused it */
};

struct receiver {
	const char *name;  /* borrowed, as the next ones */
	char *const *mail; /* an empty list: HTTP */
	const char *recipient;
	char *url, *secret;
	struct filter *format;
	struct http_limits limits;
	int64_t every_ms;   /* between messages about a rule and scope */
	int64_t give_up_ms; /* how old a notice may be that is tried again */
	bool over;          /* is also told what is over */

	enum receiver_state state;
	struct retry retry;
	int64_t next_ms;  /* monotonic; no message before that */
	struct buf error; /* of the last message; empty after a success */
	int64_t told_at, failing_since; /* CLOCK_NONE: never, not */
	char last_id[MESSAGE_ID];       /* of the last message that arrived */

	/* Private: the message under way. */
	char id[MESSAGE_ID];
	struct http_headers *headers;
	struct filter_result body;
	size_t in_flight;
	pid_t child; /* sendmail; 0: none */
	int64_t child_until_ms;
};

struct receivers {
	struct receiver *list;
	size_t n, cap;
};

/* Opens all receivers, and checks that rules name only these. Returns 0; or -1
 * and *why, a whole sentence. Release it in either case. */
int receivers_open(struct receivers *all, const struct conf *c, struct buf *why)
    __attribute__((warn_unused_result));
void receivers_release(struct receivers *all);

/* Returns whether a rule tells that receiver, and whether it wants to know such
 * a notice. */
bool receiver_wants(const struct receiver *r, const struct conf *c,
    const struct told_notice *n);

/* Appends what would be sent, for people who look. Returns 0, or -1 and
 * *why. */
int receiver_show(struct receiver *r, const struct message *m, struct buf *to,
    struct buf *why) __attribute__((warn_unused_result));

/* Begins to send a message to an idle receiver. */
void receiver_send(
    struct receiver *r, struct http *http, const struct message *m);

/* Takes an answer for this receiver. */
void receiver_take(struct receiver *r, const struct http_answer *a);

/* Looks whether the mail program has ended. */
void receiver_look(struct receiver *r);

/* After the end of a message: accounts for it, and makes the receiver idle. */
void receiver_done(struct receiver *r);

#endif
