/*
 * history: the messages of one chat, each once, in the order of (at, id), and
 * the begin of the chat's current episode.
 */
#ifndef POLLER_CHATS_HISTORY_H
#define POLLER_CHATS_HISTORY_H

#include "poller/crm/profile.h"
#include "poller/crm/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The CRM shows a message at most this long after it was written. */
#define HISTORY_LATE_MS (INT64_C(120) * 1000)

/* How long to wait for a last message that is never shown. */
#define HISTORY_WAIT_MS (INT64_C(900) * 1000)

struct history_message {
	char *id;
	char *episode; /* "": none */
	char *body;    /* members of the record, see struct crm_record */
	int64_t at;
	bool closing;   /* a system message of a closing */
	bool assigning; /* likewise of an assignment */
	bool fetched;   /* read among the chat's messages, now or before;
			   false: it came with a list only */
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

/* Adds a copy of a message record, which replaces one with the same id. */
void history_put(struct history *h, const struct crm_record *r, bool fetched);

/* Moves all messages to the end of `to`: they replace those with their ids. */
void history_move(struct history *to, struct history *from);

/* Sorts; must be called before the following functions. */
void history_sort(struct history *h);

/* When the current episode began: at the first message of `episode`. If that is
 * NULL or has no message: the latest of the first message after the last
 * closing (without a closing: `known`), `begin` (each may be CLOCK_NONE) and,
 * if episode is not NULL, the first message of the newest message's episode. If
 * there is none of these: the first message. */
int64_t history_opened_at(
    const struct history *h, const char *episode, int64_t known, int64_t begin);

/* Whether a message of `at` or later was fetched. */
bool history_reaches(const struct history *h, int64_t at);

/* Whether the last message of a chat was fetched. The CRM tells its id (or
 * NULL) and its time (or CLOCK_NONE). Times are compared in whole seconds,
 * because some CRMs show no milliseconds. */
bool history_has_last(const struct history *h, const char *id, int64_t at);

/* Whether one of its messages is of an assignment. */
bool history_assigns(const struct history *h);

/* The id up to which no message can be missing: of those fetched the greatest
 * that is older than before_ms, else the least, else NULL. Borrowed. */
const char *history_complete_up_to(const struct history *h, int64_t before_ms);

/* Drops messages older than `at`, but for the last closing: a message that is
 * shown late may still be the first after it. */
void history_drop_before(struct history *h, int64_t at);

/*
 * chat_state: the state of one chat between polls, and its encoding as bytes
 * for the store.
 */

struct chat_state {
	char *row;         /* the chat's record, where lists are of changes */
	char *mark;        /* of the list, when the chat was read */
	char *episode;     /* "": none */
	char *operator_id; /* who had it; "": nobody */
	bool complete;     /* all messages up to the mark were read */
	unsigned failures; /* consecutive polls that could not read it */
	int64_t opened_at; /* of the current episode, or CLOCK_NONE */
	int64_t since;     /* since when this mark is not complete */
	int64_t left_at;   /* when it left the list; 0: it is there */
	int64_t told;      /* the time of the snapshot with its last word, or
			      TOLD_NOTHING; 0: none yet */
	struct history history;
};

/* The CRM cannot show the chat any more. */
#define TOLD_NOTHING 1

void chat_state_release(struct chat_state *c);

/* Reads the state of the chat with that id. False, and nothing to release:
 * there is none that can be read. s: NULL has none. */
bool chat_state_load(struct chat_state *c, struct store *s, const char *id)
    __attribute__((warn_unused_result));

/* Puts it into the store. */
void chat_state_keep(
    const struct chat_state *c, struct store *s, const char *id);

/* Reads the bytes of an entry; -1 if they are damaged, and then *c is
 * released. */
int chat_state_decode(struct chat_state *c, const void *data, size_t len)
    __attribute__((warn_unused_result));

#endif
