/*
 * closings: what the CRM said about chats, one answer a chat: of several the
 * one asked for last counts, whatever order they come in.
 */
#ifndef REAPER_CLOSINGS_H
#define REAPER_CLOSINGS_H

#include "common/containers/strmap.h"
#include "common/records/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of an answer; decided inside the transaction. */
enum fate {
	FATE_NONE,
	FATE_DELETED, /* nothing of the chat is left, but for a tombstone */
	FATE_NEWER,   /* seen open since the CRM was asked: kept */
	FATE_UNKNOWN, /* the database has no such tenant */
	FATE_REFUSED, /* too many are gone at once */
};

struct closing {
	char *tenant, *chat;
	char *where; /* in the input, for the dead letter */
	int64_t at;  /* when the CRM was asked */
	int64_t closed_at;
	enum chat_status status;
	enum fate fate;
};

struct closings {
	struct closing **list; /* in order of arrival until sorted */
	size_t n, cap;
	struct strmap index;
};

#define CLOSINGS_INIT                                                          \
	{                                                                      \
		NULL, 0, 0, STRMAP_INIT                                        \
	}

/* Remembers the record (a chat with `at`), or puts it in the place of an
 * earlier answer about the same chat. */
void closings_add(
    struct closings *c, const struct record *r, const char *where);

/* Corrects what is known of a chat, if it is known; adds nothing. */
void closings_correct(struct closings *c, const struct record *r);

/* Sorts by tenant and chat: the order in which rows are locked. Nothing may
 * be added after that. */
void closings_sort(struct closings *c);

/* The end of the run of one tenant's closings that begins at i, in a sorted
 * list of n. */
size_t closings_run(struct closing *const *list, size_t i, size_t n);

void closings_clear(struct closings *c);
void closings_release(struct closings *c);

/* Principle 7, pure: whether that many gone chats look like a mistake. */
bool closings_too_many(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least);

#endif
