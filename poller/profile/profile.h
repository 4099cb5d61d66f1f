/*
 * profile: what is particular about a CRM, as data: one jq file that says
 * which request to make and how an answer becomes records. Its contract
 * stands at the head of profiles/prelude.jq.
 *
 * libjq runs it without environment and files, with a few seconds a call. A
 * profile is one thread's at a time; several threads may have one each, that
 * were opened by the same thread.
 * libjq and the trees it works on are seen in profile*.c only.
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
	PROFILE_CALLS
};
extern const char *const profile_call_names[PROFILE_CALLS];

/* What may be wrong with an answer; the names are the profile's KINDs. */
enum error_class {
	ERROR_CLASS_NONE,
	ERROR_CLASS_LATER,
	ERROR_CLASS_THROTTLED,
	ERROR_CLASS_QUOTA,
	ERROR_CLASS_DENIED,
	ERROR_CLASS_GONE,
	ERROR_CLASS_UNUSABLE,
};

struct profile_options {
	const char *tenant;
	const char *account; /* [crm] account, or NULL */
	bool customers, customer_phone, with_text, history_all;
	char *const *bot_operators; /* NULL-ended; NULL: none */
	char *const *need;          /* likewise: tags that chats need */
};

/* One address of a CRM, and what each request to it carries. */
struct profile_host {
	char *name; /* NULL: the CRM itself */
	char *url;  /* the default, or NULL */
	char *auth_header, *auth_prefix;
	bool for_admin; /* it wants [crm] admin_token, not the token */
	char **headers; /* "Name: value", NULL-ended */
};

/* What does not change while it runs. */
struct profile_about {
	struct profile_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	bool needs_account; /* which [crm] account does not name */
	bool by_operator;   /* see the contract */
	bool needs;         /* it knows what to do with [crm] need */
	unsigned max_pages;
	int64_t budget;    /* calls a month that are paid for; 0: no limit */
	int64_t period_ms; /* 0: not known */
};

/* The arguments of a call; absent ones are null to the profile. */
struct profile_input {
	int64_t now_ms; /* the CRM's clock */
	const struct value *cursor, *chat, *answer;
	const char *known;       /* see the contract */
	const char *customer;    /* see the contract */
	const char *operator_id; /* see the contract */
	const char *replaces;    /* see the contract */
	int status;
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
	bool unread;        /* the profile cannot read it: no passing fault */
	struct buf message; /* of a fault; of check: what to show */
	struct crm_record *records;
	size_t n;
	struct value *next; /* NULL: the last page */
	bool moved;         /* see the contract */
	char *operator_id;  /* of assign: who has the chat now, or NULL */
	size_t odd; /* records of a list that cannot be read, or not wholly */
	struct buf first_odd; /* which, and why */
};

/* Finds the file (a path if there is a slash in name, else NAME.jq in
 * profile_file_dir()) and compiles it. NULL and *why. */
struct profile *profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void profile_close(struct profile *p);

const struct profile_about *profile_about(const struct profile *p);

/* An array of operators for all later calls; a reference is taken. */
void profile_set_operators(struct profile *p, struct value *list);

/* How long a call may take from now on, of the thread's own processor time:
 * five seconds unless this says otherwise. */
void profile_set_limit(struct profile *p, int64_t ms);

/* Changes whenever records could come out differently: of the texts and the
 * options. */
uint64_t profile_version(const struct profile *p);

/* 1: *out is set; 0: nothing to ask; -1 and *why: the profile is wrong. */
int profile_request(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_request *out,
    struct buf *why) __attribute__((warn_unused_result));
void profile_request_release(struct profile_request *r);

/* Always sets *out; what the profile cannot read is ERROR_CLASS_UNUSABLE. */
void profile_read(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_answer *out);
void profile_answer_release(struct profile_answer *a);

#endif
