/*
 * history: the messages of one chat, each once, in the order of (at, id), and
 * the begin of the chat's current episode.
 */
#ifndef POLLER_STORE_HISTORY_H
#define POLLER_STORE_HISTORY_H

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
	char *body;    /* members of the record, see crm_record.h */
	int64_t at;
	bool closing; /* a system message of a closing */
	bool fetched; /* read among the chat's messages, now or before; false:
			 it came with a list only */
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

/* Adds a copy of m, which replaces one with the same id. */
void history_put(struct history *h, const struct history_message *m);

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

/* Whether it has the message with that id, and that was fetched. */
bool history_fetched(const struct history *h, const char *id);

/* Whether a message of `at` or later was fetched. */
bool history_reaches(const struct history *h, int64_t at);

/* Whether the last message of a chat was fetched. The CRM tells its id (or
 * NULL) and its time (or CLOCK_NONE). Times are compared in whole seconds,
 * because some CRMs show no milliseconds. */
bool history_has_last(const struct history *h, const char *id, int64_t at);

/* The id up to which no message can be missing: of those fetched the greatest
 * that is older than before_ms, else the least, else NULL. Borrowed. */
const char *history_complete_up_to(const struct history *h, int64_t before_ms);

/* Drops messages older than `at`, but for the last closing: a message that is
 * shown late may still be the first after it. */
void history_drop_before(struct history *h, int64_t at);

#endif
