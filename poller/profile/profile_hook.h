/*
 * profile_hook: what a profile says of webhooks: how its CRM signs them, and
 * what a payload means. The contract stands at the head of
 * profiles/prelude.jq.
 */
#ifndef POLLER_PROFILE_PROFILE_HOOK_H
#define POLLER_PROFILE_PROFILE_HOOK_H

#include "poller/profile/profile.h"

/* about.hooks; owned. */
struct profile_hooks {
	char *header, *timestamp, *prefix; /* see struct signature_scheme */
	char **parts;                      /* NULL: this CRM does not sign */
	bool key_is_md5;   /* the key is the MD5 of the secret, in digits */
	bool key_is_token; /* the secret is the token, unless another is set */
	char **headers; /* that hook_read wants to see; NULL-ended, or NULL */
};

/* 0; or -1 and *why. Release it in both cases. */
int profile_hooks_read(struct profile *p, struct profile_hooks *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_hooks_release(struct profile_hooks *h);

struct profile_hook_input {
	int64_t now_ms; /* when it came */
	const struct value *payload;
	/* By name, or NULL; of about.hooks.headers only. */
	const char *(*header)(const void *ctx, const char *name);
	const void *ctx;
};

struct profile_hook_answer {
	struct crm_record *records;
	size_t n;
	char *unknown; /* the name of an event that is not known, or NULL */
	char *once;    /* what a repeat has, too, where nothing else tells that
			* it is one; or NULL */
};

/* 0; or -1 and *why: the profile cannot read it. Release it in both cases. */
int profile_hook_read(struct profile *p, const struct profile_hooks *h,
    const struct profile_hook_input *in, struct profile_hook_answer *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_hook_release(struct profile_hook_answer *a);

#endif
