/*
 * profile_hook: the webhooks of a CRM: how its profile says that they are
 * signed, and the records of a payload. The contract is at the head of
 * profiles/prelude.jq.
 */
#ifndef POLLER_PROFILE_PROFILE_HOOK_H
#define POLLER_PROFILE_PROFILE_HOOK_H

#include "poller/profile/profile.h"

/* about.hooks; owned. */
struct profile_hooks {
	char *header, *timestamp, *prefix; /* see struct signature_scheme */
	char **parts;                      /* NULL: the CRM does not sign */
	int64_t window_ms; /* how far the signed time may be from ours */
	bool key_is_md5;   /* the key is the MD5 of the secret, in digits */
	bool key_is_token; /* the secret is the token, unless another is set */
	char **headers;    /* for hook_read; NULL-ended, or NULL */
};

/* Reads about.hooks. 0; or -1 and *why. Release it in both cases. */
int profile_hooks_read(struct profile *p, struct profile_hooks *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_hooks_release(struct profile_hooks *h);

struct profile_hook_input {
	int64_t now_ms;    /* when it was received */
	int64_t signed_ms; /* the time that is signed, or CLOCK_NONE */
	const struct value *payload;
	/* The value of a header of about.hooks.headers, or NULL. */
	const char *(*header)(const void *ctx, const char *name);
	const void *ctx;
};

struct profile_hook_answer {
	struct crm_record *records;
	size_t n;
	size_t bad;    /* records that are left out */
	char *refused; /* why, if it is of another account; or NULL */
	char *unknown; /* the name of an unknown event, or NULL */
	char *once;    /* text by which a repeat is recognized, if it has no
			* id; or NULL */
};

/* Reads a payload. 0, and *why of the first record that is left out, if any; or
 * -1 and *why: the profile can read none of it. Release it in both cases. */
int profile_hook_read(struct profile *p, const struct profile_hooks *h,
    const struct profile_hook_input *in, struct profile_hook_answer *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_hook_release(struct profile_hook_answer *a);

#endif
