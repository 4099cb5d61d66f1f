/*
 * profile: what is particular about a CRM, as one jq file: which request each
 * question needs, and how an answer becomes records. Its contract is
 * messaging-profile(5).
 *
 * libjq runs it without environment and files, and for a limited time a call.
 * Only one thread may use a profile at a time; several threads may have one
 * each, if the same thread opened them. Only profile_jq.c uses libjq.
 */
#ifndef POLLER_CRM_PROFILE_H
#define POLLER_CRM_PROFILE_H

#include "common/base/buf.h"
#include "common/records/record.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * value: JSON values for profiles are jansson's; libjq rounds whole numbers
 * above 2^53, so they reach a profile as strings, and a NUL as U+FFFD.
 */

/* Parses the body of an answer, as json_read_repaired(). NULL and *why if it is
 * not JSON. */
json_t *value_parse(const char *body, size_t len, bool *repaired,
    struct buf *why) __attribute__((warn_unused_result));

/* Appends its JSON text, as a profile sees it. */
void value_dump(json_t *v, struct buf *out);

/*
 * crm_record: a record that a profile returned, checked and written as JSON
 * members; the tenant, the snapshot and times are added later.
 */

/* Which personal data is kept, and how strict reading is. */
struct crm_record_options {
	bool names, phones, texts;
	bool partly; /* leave out any bad field that is not required */
};

struct crm_record {
	enum record_type type; /* OPERATOR, CHAT, MESSAGE; UNKNOWN: customer */
	char *body;            /* members of the record, without braces */
	char *person; /* of chat and customer: name, phone, tag; "": none */
	char *id;     /* of the operator, chat, message or customer */
	char *chat;   /* of a message */
	char *operator_id;            /* of chat and message, or NULL */
	char *customer;               /* of a chat, or NULL */
	char *mark, *last;            /* of a chat, or NULL */
	int64_t last_at;              /* of a chat's last message */
	char *episode;                /* of chat and message, or NULL */
	int64_t at;                   /* of a message; of a chat perhaps */
	int64_t opened_at, closed_at; /* of a chat */
	enum chat_status status;      /* of a chat */
	bool taken; /* of a chat: assigned, operator unknown */
	bool available, has_available; /* of an operator */
	int64_t available_at;          /* when that was so; CLOCK_NONE */
	bool closing;                  /* a system message of a closing */
	bool assigning;                /* likewise of an assignment */
	json_t *raw; /* of chat and operator: for later calls */
};

/* 0, and *why says what was left out, if anything; or -1 and *why: it is not
 * a record, or has a bad field. Who and where is left out in any case. Takes a
 * reference of v if it keeps it. */
int crm_record_read(struct crm_record *r, json_t *v,
    const struct crm_record_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void crm_record_release(struct crm_record *r);

/* Appends the record as a JSON object: its members, and those for the poller's
 * own use. crm_record_read() makes the same record of it. */
void crm_record_write(const struct crm_record *r, struct buf *out);

/* Appends when an operator was available or not, if the record tells which;
 * without a time of its own: at now_ms, when the CRM was asked or told it. */
void crm_record_add_available_at(
    struct buf *to, const struct crm_record *r, int64_t now_ms);

/* ---- profile ---- */

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
	PROFILE_PAST,        /* conversations, the newest activity first */
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
	bool assign; /* we assign chats in it */
	bool polled; /* it has a token: webhooks are not all there is */
	char *const *bot_operators; /* NULL-ended; NULL: none */
	char *const *need;          /* likewise: required tags of chats */
	bool shared; /* other profiles of the same thread may have the same
			compiled program */
};

/* One address of a CRM, and what each request to it carries. */
struct profile_host {
	char *name; /* NULL: the CRM itself */
	char *url;  /* the default, or NULL */
	char *auth_header, *auth_prefix;
	bool for_admin; /* it needs [crm] admin_token, not the token */
	char **headers; /* "Name: value", NULL-ended */
};

/* The result of about, which does not change. */
struct profile_about {
	struct profile_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	bool needs_account;     /* and [crm] account is missing */
	bool by_operator;       /* see the contract */
	bool operators_first;   /* likewise, and so where by_operator */
	bool needs;             /* it supports [crm] need */
	bool begins_unassigned; /* see the contract */
	unsigned max_pages;
	unsigned backfill;  /* calls a minute to past conversations; 0: it
			       cannot read them */
	int64_t period_ms;  /* of the CRM's count of calls; 0: unknown */
	int64_t changes_ms; /* its list may be of changes alone, for so long
			       after a whole one; 0: it is always whole */
};

/* Counts of a list's rows: chats or operators, without messages. odd: they
 * could not be read wholly; lost: not at all. */
struct profile_rows {
	size_t n, odd, lost;
};

/* The arguments of a call; absent ones are null to the profile. */
struct profile_input {
	int64_t now_ms;   /* the CRM's clock */
	int64_t asked_ms; /* of an answer: now_ms of its request */
	int64_t since_ms; /* see the contract; 0: absent */
	json_t *cursor, *chat, *hook, *answer;
	const char *known;       /* see the contract */
	const char *customer;    /* see the contract */
	const char *operator_id; /* see the contract */
	const char *replaces;    /* see the contract */
	int status;
	struct profile_rows before; /* those of the list's earlier pages */
};

struct profile_request {
	char *target; /* owned: "/path?query", or an absolute URL */
	bool is_url;
	const char *method; /* "GET", ... */
	char *host;         /* owned: a name of about.hosts; NULL: the CRM */
	char *body;         /* owned, with its Content-Type; NULL: none */
	size_t body_len;
	const char *type;
};

/* A webhook that is registered at the CRM. */
struct webhook {
	char *id, *url; /* url may be NULL */
	char *events;   /* "inbox, outbox" */
	char *secret;   /* or NULL; wiped */
	bool active;
};

struct webhooks {
	struct webhook *list;
	size_t n, cap;
};
void webhooks_release(struct webhooks *w);

struct profile_answer {
	enum error_class error;
	bool unread;        /* the profile failed: a retry is useless */
	bool alone;         /* of an error: see the contract */
	struct buf message; /* of an error; of check and auto_assign: what to
			       show */
	struct crm_record *records;
	size_t n;
	json_t *next;             /* NULL: the last page */
	bool moved;               /* see the contract */
	char *operator_id;        /* of assign: the assignee now, or NULL */
	struct webhooks hooks;    /* of hooks and hook_add */
	struct profile_rows rows; /* of the list, up to and with this page */
	size_t missing;           /* of a short list: rows of its total */
	size_t odd;               /* records with fields that were left out */
	struct buf first_odd;     /* the first one, and why */
};

/* Reads and compiles a profile: a path if name has a slash, else NAME.jq in
 * the folder of profiles. The pointers in *opt are borrowed. NULL and *why. */
struct profile *profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void profile_close(struct profile *p);

const struct profile_about *profile_about(const struct profile *p);

/* Sets the arrays of operators, and of those that are no more, for all later
 * calls; takes references. */
void profile_set_operators(struct profile *p, json_t *list, json_t *former);

/* Sets how long a later call may take, in processor time of its thread; five
 * seconds by default. */
void profile_set_limit(struct profile *p, int64_t ms);

/* A hash of the profile's text and options: it changes whenever the records
 * might. */
uint64_t profile_version(const struct profile *p);

/* Reads the JSON of a record of a list, as crm_record_write() wrote it. -1: it
 * is none. */
int profile_record_read(const struct profile *p, const char *json, size_t len,
    struct crm_record *r) __attribute__((warn_unused_result));

/* Makes the request of a call. 1: *out is set; 0: nothing to ask; -1 and *why:
 * the profile failed. */
int profile_request(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_request_release(struct profile_request *r);

/* Reads an answer. Always sets *out; an answer that the profile cannot read is
 * ERROR_CLASS_UNUSABLE. */
void profile_read(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_answer *out);
void profile_answer_release(struct profile_answer *a);

/*
 * profile_hook: the webhooks of a CRM: how its profile says that they are
 * signed, and the records of a payload.
 */

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
	json_t *payload;
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

/*
 * profile_try: calls one function of a profile with an answer or a webhook that
 * somebody has in a file, and shows what it makes of it: poller --try.
 */

/* Whether the name is that of a function of the contract. */
bool profile_try_knows(const char *function);

/* Whether that function gets no answer: about, or one that makes a request. */
bool profile_try_asks(const char *function);

/* Calls the function. answer: what the CRM sent; NULL: nothing. with: an object
 * with further members of the function's input, or NULL. Appends a line for
 * each record, then one with the other members of the result; of a request,
 * its line and its body. *why gets a line for each record that cannot be read
 * wholly, and why a call failed. 0; or -1: the profile failed. */
int profile_try(struct profile *p, const char *function, json_t *answer,
    json_t *with, struct buf *out, struct buf *why)
    __attribute__((warn_unused_result));

#endif
