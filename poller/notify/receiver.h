/*
 * receiver: where notices go, a section [notify NAME]: an HTTP address or mail
 * addresses (mail.h). A receiver is sent one message at a time.
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
	/* The attempt has ended; receiver_finish() makes it idle again. */
	RECEIVER_DELIVERED,
	RECEIVER_FAILED,   /* the message may be delivered later */
	RECEIVER_REJECTED, /* it never will */
};

struct receiver {
	const char *section; /* borrowed, as the next ones */
	const char *name;
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
	int64_t delivered_at, failing_since; /* CLOCK_NONE: never, not */
	char last_id[MESSAGE_ID]; /* of the last message that arrived */
	size_t open; /* the caller's number of notices that it lacks */

	/* Private: the message under way. */
	char id[MESSAGE_ID];
	struct http_headers *headers;
	struct filter_result body;
	size_t in_flight;
	pid_t sendmail; /* of a mail that is being sent */
	int64_t sendmail_until_ms;
};

struct receivers {
	struct receiver *list;
	size_t n, cap;
};

/* Opens all receivers, checks that rules name only these, and warns about those
 * to which no rule sends. Returns 0; or -1 and *why, a whole sentence. Release
 * it in either case. */
int receivers_open(struct receivers *all, const struct conf *c, struct buf *why)
    __attribute__((warn_unused_result));
void receivers_release(struct receivers *all);

/* Returns whether any rule sends this tenant's notices to the receiver. */
bool receiver_serves(
    const struct receiver *r, const struct conf *c, const char *tenant);

/* Returns whether the notice's rule sends to that receiver, and whether it
 * wants such notices. */
bool receiver_wants(
    const struct receiver *r, const struct conf *c, const struct notice *n);

/* Appends what would be sent, for people who look. Returns 0, or -1 and
 * *why. */
int receiver_show(struct receiver *r, const struct message *m, struct buf *to,
    struct buf *why) __attribute__((warn_unused_result));

/* Begins to send a message to an idle receiver. */
void receiver_send(
    struct receiver *r, struct http *http, const struct message *m);

/* Takes a response for this receiver. */
void receiver_take_response(struct receiver *r, const struct http_answer *a);

/* Looks whether sendmail has ended. */
void receiver_check_mail(struct receiver *r);

/* After the end of an attempt: accounts for it, and makes the receiver idle. */
void receiver_finish(struct receiver *r);

#endif
