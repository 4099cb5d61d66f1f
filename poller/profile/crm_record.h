/*
 * crm_record: a record that a profile returned, checked and written as JSON
 * members; the tenant, the snapshot and times are added later.
 */
#ifndef POLLER_PROFILE_CRM_RECORD_H
#define POLLER_PROFILE_CRM_RECORD_H

#include "common/records/record.h"
#include "poller/profile/value.h"

#include <stdbool.h>
#include <stdint.h>

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
	struct value *raw; /* of chat and operator: for later calls */
};

/* 0, and *why says what was left out, if anything; or -1 and *why: it is not
 * a record, or has a bad field. Who and where is left out in any case. Takes a
 * reference of v if it keeps it. */
int crm_record_read(struct crm_record *r, struct value *v,
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

/* Frees what crm_record_read() caches for this thread. */
void crm_record_end(void);

#endif
