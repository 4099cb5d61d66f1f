/*
 * chat_answers: the CRM's answers about chats, one for each chat: of several
 * the one that was asked for last counts, in whatever order they arrive, and of
 * those of one time one that the chat is open.
 */
#ifndef REAPER_DELETION_CHAT_ANSWERS_H
#define REAPER_DELETION_CHAT_ANSWERS_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/records/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens to the chat of an answer; the transaction decides. */
enum answer_fate {
	FATE_NONE,
	FATE_DELETED, /* only a tombstone of the chat is left */
	FATE_NEWER,   /* kept: seen open since the CRM was asked */
	FATE_UNKNOWN, /* the database has no such tenant */
	FATE_REFUSED, /* kept: too many chats are gone at once */
};

struct chat_answer {
	char *tenant, *chat;
	char *where; /* its place in the input, for the dead letter; NULL: it is
			open */
	int64_t at;  /* when the CRM was asked */
	int64_t closed_at;
	enum chat_status status;
	enum answer_fate fate;
	bool said_gone; /* for the caller: an answer about it said so */
};

struct chat_answers {
	struct chat_answer **list; /* in order of arrival until sorted */
	size_t n, cap;
	struct strmap index;
};

#define CHAT_ANSWERS_INIT                                                      \
	{                                                                      \
		NULL, 0, 0, STRMAP_INIT                                        \
	}

/* Appends a chat's key in a map. */
void chat_answers_key(struct text tenant, struct text chat, struct buf *key);

/* Whether it is closed or gone. */
bool chat_answers_left(enum chat_status status);

/* Adds the record, a chat with `at`, or replaces an earlier answer about the
 * same chat. Texts are copied. Returns the answer that counts. */
struct chat_answer *chat_answers_add(
    struct chat_answers *c, const struct record *r, const char *where);

/* Replaces an earlier answer about the same chat; adds none. Returns the answer
 * that counts; NULL: there is none. */
const struct chat_answer *chat_answers_correct(
    struct chat_answers *c, const struct record *r, const char *where);

/* Sorts by tenant and chat: the order in which rows are locked. Add nothing
 * after that. */
void chat_answers_sort(struct chat_answers *c);

/* In a sorted list of n, the index after the last answer about the tenant of
 * list[i]. */
size_t chat_answers_tenant_end(
    struct chat_answer *const *list, size_t i, size_t n);

void chat_answers_clear(struct chat_answers *c);
void chat_answers_release(struct chat_answers *c);

#endif
