/*
 * history: the messages of one chat, each once, in the order of (at, id), and
 * the beginning of the chat's current episode.
 */
#ifndef POLLER_CHATS_HISTORY_H
#define POLLER_CHATS_HISTORY_H

#include "poller/crm/profile.h"
#include "poller/crm/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A CRM shows each message within this time after it was written; younger ones
 * are read again. Some show it a minute late, and a long transaction may commit
 * a message after others with greater ids. */
#define HISTORY_LATE_MS (INT64_C(3600) * 1000)

/* How long the poller waits for a last message that the CRM does not show. */
#define HISTORY_WAIT_MS (INT64_C(900) * 1000)

struct history_message {
	char *id;
	char *episode; /* "" if there is none */
	char *body;    /* members of the record, see struct crm_record */
	int64_t at;
	bool closing;   /* a system message about a closing */
	bool assigning; /* a system message about an assignment */
	bool opening;   /* see struct crm_record */
	bool fetched;   /* read, now or earlier, with the chat's messages;
			 * false: it was only in a list */
};

struct history {
	struct history_message *messages;
	size_t n, cap;
	bool sorted;
};

#define HISTORY_INIT                                                           \
	{                                                                      \
		NULL, 0, 0, true                                               \
	}

void history_release(struct history *h);

/* Adds a copy of a message record. It replaces a message with the same id. */
void history_put(struct history *h, const struct crm_record *r, bool fetched);

/* Moves all messages to the end of `to`, where they replace messages with the
 * same ids. */
void history_move(struct history *to, struct history *from);

/* Sorts the history; must be called before the following functions. */
void history_sort(struct history *h);

/* Returns when the current episode began. That is the first message of
 * `episode`. If episode is NULL or has no message, it is the latest of these:
 * the first message after the last closing, or the closing if no message
 * follows it (`known` without a closing); `begin`; and, unless episode is NULL,
 * the first message of the newest message's episode. known and begin may be
 * CLOCK_NONE. If none of them exists, it is the first message. Only messages
 * that may open a chat count, so a survey after a closing opens nothing. */
int64_t history_opened_at(
    const struct history *h, const char *episode, int64_t known, int64_t begin);

/* True if message i belongs to the named episode and may open it. */
bool history_opens(const struct history *h, size_t i, const char *episode);

/* True if a message from that time or later was fetched. */
bool history_reaches(const struct history *h, int64_t at);

/* True if the last message of the chat was fetched. The CRM reports its id (or
 * NULL) and its time (or CLOCK_NONE). Times are compared in whole seconds,
 * because some CRMs show no milliseconds. */
bool history_has_last(const struct history *h, const char *id, int64_t at);

/* True if one of the messages is about an assignment. */
bool history_assigns(const struct history *h);

/* Returns the id up to which no message can be missing: among the fetched
 * messages, the greatest id older than before_ms, or else the smallest id, or
 * else NULL. Borrowed. */
const char *history_complete_up_to(const struct history *h, int64_t before_ms);

/* Drops messages older than `at`, except the last closing: a message that is
 * shown late may still be the first one after it. */
void history_drop_before(struct history *h, int64_t at);

/*
 * chat_state: the state of one chat between polls, and its encoding as bytes
 * for the store.
 */

/* After this many polls in a row that could not read a chat, it is written from
 * the state. */
#define CHAT_FAILURES_MAX 3

struct chat_state {
	char *row;         /* the chat's record, if lists contain only
			    * changes */
	char *mark;        /* the chat's mark in the list when its messages were
			    * read */
	char *operator_id; /* the assignee; "" if there is none */
	char *customer;    /* whom the following members describe */
	char *person;      /* the customer's name and phone number, as in struct
			    * crm_record; "" if there are none */
	int64_t person_at; /* when the CRM was asked for them; 0: never */
	unsigned person_failures; /* failed questions in a row */
	bool complete;            /* all messages up to the mark were read */
	unsigned failures;        /* polls in a row that could not read it */
	int64_t opened_at;        /* of the current episode, or CLOCK_NONE */
	int64_t since;   /* since when the chat has been incomplete at this
			  * mark */
	int64_t left_at; /* when it left the list; 0 if it is in the list */
	int64_t told;    /* the time of the snapshot with its last messages,
			  * or TOLD_NOTHING; 0 if there is none yet */
	struct history history;
};

/* The CRM can no longer show the chat. */
#define TOLD_NOTHING 1

void chat_state_release(struct chat_state *c);

/* Reads the state of the chat with that id. Returns false, with nothing to
 * release, if the store is NULL or has no readable state for it. */
bool chat_state_load(struct chat_state *c, struct store *s, const char *id)
    __attribute__((warn_unused_result));

/* Writes the state to the store. */
void chat_state_keep(struct chat_state *c, struct store *s, const char *id);

/* Decodes the bytes of an entry. Returns -1 if they are damaged; *c is then
 * released. */
int chat_state_decode(struct chat_state *c, const void *data, size_t len)
    __attribute__((warn_unused_result));

#endif
