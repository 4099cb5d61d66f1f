/*
 * profile: the CRM-specific part, as one jq file: the request for each
 * question, and the conversion of answers to records. messaging-profile(5) is
 * its contract.
 *
 * libjq runs it without environment and files, and with a time limit for each
 * call. Only one thread may use a profile at a time; several threads may each
 * have one, if the same thread opened them. Only profile_jq.c uses libjq.
 */
#ifndef POLLER_CRM_PROFILE_H
#define POLLER_CRM_PROFILE_H

#include "common/base/buf.h"
#include "poller/crm/profile_record.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile;

enum profile_call {
	PROFILE_OPERATORS,
	PROFILE_CHATS,
	PROFILE_MESSAGES,
	PROFILE_CHAT,
	PROFILE_CUSTOMER,
	PROFILE_CHECK,
	PROFILE_ASSIGN,
	PROFILE_AUTO_ASSIGN, /* whether the CRM itself assigns chats */
	PROFILE_PAST,        /* conversations, most recently active first */
	PROFILE_NAMES,       /* names of channels and teams */
	PROFILE_HOOKS,
	PROFILE_HOOK_ADD,
	PROFILE_HOOK_REMOVE,
	PROFILE_CALLS
};
extern const char *const profile_call_names[PROFILE_CALLS];

/* The class of an error in an answer; KIND in the profile's contract. */
enum error_class {
	ERROR_CLASS_NONE,
	ERROR_CLASS_LATER,
	ERROR_CLASS_THROTTLED,
	ERROR_CLASS_QUOTA,
	ERROR_CLASS_DENIED,
	ERROR_CLASS_GONE,
	ERROR_CLASS_UNUSABLE,
	ERROR_CLASS_SHORT,
};

struct profile_options {
	const char *tenant;
	const char *account; /* [crm] account, or NULL */
	bool customers, customer_phone, with_text, history_all;
	bool assign; /* we assign its chats */
	bool polled; /* there is a token, so webhooks are not the only source */
	char *const *bot_operators; /* ends with NULL; NULL: none */
	char *const *need;          /* likewise: tags that chats must have */
	bool shared; /* other profiles of the same thread may share the compiled
		      * program */
	const char *only; /* the only function to be called, such as
			   * "chats_read", so that compiling takes half the
			   * time; NULL: any */
};

/* An address of a CRM, and the headers of each request to it. */
struct profile_host {
	const char *name; /* NULL: the CRM itself */
	const char *url;  /* the default, or NULL */
	const char *auth_header, *auth_prefix;
	bool for_admin;  /* it needs [crm] admin_token instead of the token */
	json_t *headers; /* {NAME: text} */
};

/* The webhooks of a CRM: how they are signed. */
struct profile_hooks {
	const char *header, *timestamp, *prefix; /* see struct
						  * signature_scheme */
	const char **parts; /* NULL: the CRM does not sign */
	int64_t window_ms;  /* how far the signed time may differ from ours */
	bool key_is_md5;    /* the key is the MD5 of the secret, in
			     * hexadecimal */
	bool key_is_token;  /* the secret is the token, unless another is
			     * set */
};

/* The result of about, which is constant. */
struct profile_about {
	json_t *result;             /* the other members borrow from it */
	struct profile_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	bool needs_account;     /* and [crm] account is missing */
	bool by_operator;       /* see the contract */
	bool operators_first;   /* likewise, and always with by_operator */
	bool needs;             /* it supports [crm] need */
	bool begins_unassigned; /* see the contract */
	bool originals;         /* likewise */
	unsigned backfill;  /* calls per minute for past conversations; 0: it
			     * cannot read them */
	int64_t period_ms;  /* period of the CRM's count of calls; 0: unknown */
	int64_t changes_ms; /* how long after a complete list it may list only
			     * changes; 0: the list is always complete */
	struct profile_hooks *hooks; /* NULL: it supports no webhooks */
};

/* Counts of a list's rows (chats or operators, not messages). odd: partly
 * unreadable; lost: completely unreadable. */
struct profile_rows {
	size_t n, odd, lost;
};

/* The arguments of a call; absent ones are null in the profile. */
struct profile_input {
	int64_t now_ms;   /* by the CRM's clock */
	int64_t asked_ms; /* for an answer: now_ms of its request */
	json_t *cursor, *answer;
	json_t *with; /* an object with the other members of the contract: chat,
		       * known, ... */
	int status;
	struct profile_rows before; /* rows of the list's earlier pages */
};

struct profile_request {
	json_t *result;     /* the other members borrow from it */
	const char *target; /* "/path?query" */
	const char *method; /* "GET", ... */
	const char *host;   /* a name of about.hosts; NULL: the CRM */
	const char *body;   /* with its Content-Type; NULL: none */
	const char *type;
};

struct profile_answer {
	json_t *result; /* next, hooks and the texts at the end borrow from
			 * it */
	enum error_class error;
	bool unread;        /* the profile failed, so a retry would not help */
	bool alone;         /* of an error: see the contract */
	struct buf message; /* of an error; of check and auto_assign: what to
			       show */
	struct crm_record *records;
	size_t n;
	json_t *next;             /* NULL: the last page */
	bool moved;               /* see the contract */
	char *operator_id;        /* for assign: the present assignee, or
				   * NULL */
	json_t *hooks;            /* for hooks and hook_add: a list */
	struct profile_rows rows; /* of the list, up to and including this
				   * page */
	size_t missing;           /* for a short list: rows missing from its
				   * total */
	size_t odd;               /* records that were omitted, or in which
				   * fields were */
	struct buf first_odd;     /* the first of them, and why */

	/* For a webhook; or NULL. */
	const char *refused; /* why, if it belongs to another account */
	const char *unknown; /* the name of an unknown event */
	const char *once;    /* text that identifies a duplicate if there is no
			      * id */
};

/* Reads and compiles a profile: a path if name has a slash, otherwise NAME.jq
 * in the folder of profiles. The pointers in *opt are borrowed. Returns NULL
 * and *why on failure. */
struct profile *profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void profile_close(struct profile *p);

const struct profile_about *profile_about(const struct profile *p);

/* Returns a time for a call in seconds; null for 0. */
json_t *profile_seconds(int64_t ms) __attribute__((warn_unused_result));

/* Sets the arrays of operators and of former operators for all later calls;
 * takes references. */
void profile_set_operators(struct profile *p, json_t *list, json_t *former);

/* Sets how much processor time of its thread a later call may use; five seconds
 * by default. */
void profile_set_limit(struct profile *p, int64_t ms);

/* Returns a hash of the profile's text and options, which changes whenever the
 * records might. */
uint64_t profile_version(const struct profile *p);

/* Reads a record of a list again: as the profile returned it, or as
 * crm_record_write() wrote it. Returns -1 if it is not one. */
int profile_record_read(const struct profile *p, json_t *v,
    struct crm_record *r) __attribute__((warn_unused_result));

/* Makes the request of a call. Returns 1: *out is set; 0: no request is needed;
 * -1 and *why: the profile failed. */
int profile_request(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_request_release(struct profile_request *r);

/* Reads an answer. Always sets *out; an answer that the profile cannot read is
 * ERROR_CLASS_UNUSABLE. */
void profile_read(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_answer *out);
void profile_answer_release(struct profile_answer *a);

/* Reads the records in the payload of a webhook, which was received at now_ms;
 * signed_ms: the signed time, or CLOCK_NONE. Returns 0, and *why for the first
 * odd record, if any; or -1 and *why if the profile can read none of it.
 * Release *out in either case. */
int profile_hook_read(struct profile *p, json_t *payload, int64_t now_ms,
    int64_t signed_ms, struct profile_answer *out, struct buf *why)
    __attribute__((warn_unused_result));

#endif
