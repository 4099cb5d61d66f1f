/*
 * crm_record: a record as a profile gave it, checked, and rendered as far as
 * that is possible before it is known in which snapshot it will stand.
 */
#ifndef POLLER_PROFILE_CRM_RECORD_H
#define POLLER_PROFILE_CRM_RECORD_H

#include "common/records/record.h"
#include "poller/profile/value.h"

#include <stdbool.h>
#include <stdint.h>

/* What is kept of people. */
struct crm_record_options {
	bool names, phones, texts;
	bool partly; /* what is bad and can be missed is left out */
};

struct crm_record {
	enum record_type type; /* OPERATOR, CHAT, MESSAGE; UNKNOWN: customer */
	char *body;            /* members of the record, without braces */
	char *person;   /* of chat and customer: name, phone, tag; "": none */
	char *id;       /* of the operator, chat, message or customer */
	char *chat;     /* of a message */
	char *customer; /* of a chat, or NULL */
	char *mark, *last;            /* of a chat, or NULL */
	int64_t last_at;              /* of a chat's last message */
	char *episode;                /* of chat and message, or NULL */
	int64_t at;                   /* of a message; of a chat perhaps */
	int64_t opened_at, closed_at; /* of a chat */
	enum chat_status status;      /* of a chat */
	bool assigned;                /* a chat that somebody holds */
	bool taken;                   /* likewise, and it is not told who */
	bool available;               /* of an operator */
	bool closing;      /* a system message that tells of a closing */
	struct value *raw; /* of chat and operator: for later calls */
};

/* 0, or -1 and *why: not a record, or something in it cannot be. With
 * opt->partly *why of 0 says what was left out, if anything was. Takes a
 * reference of v where it keeps it. */
int crm_record_read(struct crm_record *r, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
    __attribute__((warn_unused_result));
void crm_record_release(struct crm_record *r);

/* Frees what crm_record_read() keeps ready between calls. */
void crm_record_end(void);

#endif
