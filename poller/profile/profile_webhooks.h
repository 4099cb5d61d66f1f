/*
 * profile_webhooks: the requests and answers by which a profile lists, adds and
 * removes webhooks at its CRM. The contract is at the head of
 * profiles/prelude.jq.
 */
#ifndef POLLER_PROFILE_PROFILE_WEBHOOKS_H
#define POLLER_PROFILE_PROFILE_WEBHOOKS_H

#include "poller/profile/profile.h"

#include <stdbool.h>
#include <stddef.h>

enum webhooks_call { WEBHOOKS_LIST, WEBHOOKS_ADD, WEBHOOKS_REMOVE };

struct webhook {
	char *id, *url; /* url may be NULL */
	char *events;   /* "inbox, outbox" */
	char *secret;   /* or NULL; wiped */
	bool active;
};

struct webhooks {
	struct webhook *list;
	size_t n, cap;
	struct value *next; /* NULL: the last page */
};

/* NULL is null for the profile. All pointers are borrowed. */
struct webhooks_input {
	const struct value *cursor, *answer;
	int status;
	const char *id, *url; /* of add and remove */
};

/* Makes the request of a call. Returns as profile_request(). */
int webhooks_request(struct profile *p, enum webhooks_call call,
    const struct webhooks_input *in, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));

/* Reads an answer: appends its webhooks to *out, and sets out->next. On an
 * error *why says what it is. */
enum error_class webhooks_read(struct profile *p, enum webhooks_call call,
    const struct webhooks_input *in, struct webhooks *out, struct buf *why)
    __attribute__((warn_unused_result));

void webhooks_release(struct webhooks *w);

#endif
