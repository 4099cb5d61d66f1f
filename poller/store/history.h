/*
 * history: the messages of one chat, each once, in the order of (at, id), and
 * when the chat's present episode began.
 */
#ifndef POLLER_STORE_HISTORY_H
#define POLLER_STORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_message {
	char *id;
	char *episode; /* "": none */
	char *body;    /* members of the record, see crm_record.h */
	int64_t at;
	bool closing; /* it tells of a closing */
	bool fetched; /* read among the chat's messages, now or earlier, and
			 not only told by a list */
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

/* Adds a copy of m; one with the same id is replaced. */
void history_put(struct history *h, const struct history_message *m);

/* Sorts; needed before the following ones. */
void history_sort(struct history *h);

/* When the present episode began: the first message of episode; if that is
 * NULL or none is there, the latest of the first message behind the last
 * closing, what was known before, and begin (both may be CLOCK_NONE); else
 * the first message. */
int64_t history_opened_at(
    const struct history *h, const char *episode, int64_t known, int64_t begin);

/* Whether the message with that id is there and was fetched. */
bool history_fetched(const struct history *h, const char *id);

/* Whether a message of that time or later was fetched. */
bool history_reaches(const struct history *h, int64_t at);

/* The id up to which nothing can be missing any more: of those fetched the
 * greatest that is older than before_ms, else the least, else NULL.
 * Borrowed. */
const char *history_complete_up_to(const struct history *h, int64_t before_ms);

/* Drops what is older than that. */
void history_drop_before(struct history *h, int64_t at);

/* Ids as messaging-metrics(7) orders them: numbers of any length by
 * value, then all others by bytes. */
int history_compare_ids(const char *a, const char *b);

#endif
