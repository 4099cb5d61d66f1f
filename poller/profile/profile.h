/*
 * profile: what is particular about a CRM, as one jq file: which request each
 * question needs, and how an answer becomes records. Its contract is at the
 * head of profiles/prelude.jq.
 *
 * libjq runs it without environment and files, and for a limited time a call.
 * Only one thread may use a profile at a time; several threads may have one
 * each, if the same thread opened them. Only profile*.c use libjq.
 */
#ifndef POLLER_PROFILE_PROFILE_H
#define POLLER_PROFILE_PROFILE_H

#include "common/base/buf.h"
#include "poller/profile/crm_record.h"
#include "poller/profile/value.h"

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
	PROFILE_PAST, /* conversations, the newest activity first */
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
	bool needs_account;   /* and [crm] account is missing */
	bool by_operator;     /* see the contract */
	bool operators_first; /* likewise, and so where by_operator */
	bool needs;           /* it supports [crm] need */
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
	const struct value *cursor, *chat, *answer;
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

struct profile_answer {
	enum error_class error;
	bool unread;        /* the profile failed: a retry is useless */
	bool alone;         /* of an error: see the contract */
	struct buf message; /* of an error; of check: what to show */
	struct crm_record *records;
	size_t n;
	struct value *next;       /* NULL: the last page */
	bool moved;               /* see the contract */
	char *operator_id;        /* of assign: the assignee now, or NULL */
	struct profile_rows rows; /* of the list, up to and with this page */
	size_t missing;           /* of a short list: rows of its total */
	size_t odd;               /* records of which something was left out */
	struct buf first_odd;     /* the first one, and why */
};

/* Reads and compiles a profile: a path if name has a slash, else NAME.jq in
 * profile_file_dir(). The pointers in *opt are borrowed. NULL and *why. */
struct profile *profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void profile_close(struct profile *p);

const struct profile_about *profile_about(const struct profile *p);

/* Sets the arrays of operators, and of those that are no more, for all later
 * calls; takes references. */
void profile_set_operators(
    struct profile *p, struct value *list, struct value *former);

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

#endif
