/*
 * profile_record: a record that a profile returned, checked and written as JSON
 * members; the tenant, the snapshot and times are added later.
 */
#ifndef POLLER_CRM_PROFILE_RECORD_H
#define POLLER_CRM_PROFILE_RECORD_H

#include "common/base/buf.h"
#include "common/records/record.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Appends the JSON text of a value as profiles see it: libjq rounds integers
 * above 2^53, so they are strings there. */
void value_dump(json_t *v, struct buf *out);

/* The personal data to keep, and how strictly to read. */
struct crm_record_options {
	bool names, phones, texts;
	bool partly; /* leave out any bad field that is not required */
};

struct crm_record {
	enum record_type type; /* OPERATOR, CHAT, MESSAGE; UNKNOWN: customer */
	char *body;            /* members of the record, without braces */
	char *person; /* of a chat or customer: name, phone, tag; "": none */
	char *id;     /* of the operator, chat, message or customer */
	char *chat;   /* of a message */
	char *operator_id;            /* of a chat or message, or NULL */
	char *customer;               /* of a chat, or NULL */
	char *mark, *last;            /* of a chat, or NULL */
	int64_t last_at;              /* time of a chat's last message */
	char *episode;                /* of a chat or message, or NULL */
	int64_t at;                   /* of a message; chats may have it */
	int64_t opened_at, closed_at; /* of a chat */
	enum chat_status status;      /* of a chat */
	bool taken; /* of a chat: assigned, but the operator is unknown */
	bool available, has_available; /* of an operator */
	int64_t available_at;          /* since when; or CLOCK_NONE */
	bool closing;                  /* a system message about a closing */
	bool assigning;                /* the same about an assignment */
	bool opening; /* a message that may open a chat: written to or by the
		       * customer, not automated; or about an opening */
	json_t *raw;  /* of chat and operator: for later calls */
};

/* Returns 0, and *why lists omitted fields, if any; or -1 and *why if it is not
 * a record, or has a bad field. *why names the record in either case. Takes a
 * reference to v if it keeps it. */
int crm_record_read(struct crm_record *r, json_t *v,
    const struct crm_record_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void crm_record_release(struct crm_record *r);

/* Appends the members of a chat record: the chat as it was read, its person
 * (see struct crm_record), when it began (or CLOCK_NONE) and was closed, and
 * the time of the record. */
void crm_record_add_chat(struct buf *to, const struct crm_record *r,
    const char *person, int64_t opened_at, int64_t at);

/* Appends the record as a JSON object: its members, and those for the poller's
 * own use. crm_record_read() turns it back into the same record. */
void crm_record_write(const struct crm_record *r, struct buf *out);

/* Appends since when an operator is available or not, if the record says which;
 * if it has no time, at now_ms, when the CRM was asked or reported it. */
void crm_record_add_available_at(
    struct buf *to, const struct crm_record *r, int64_t now_ms);

#endif
