/*
 * answers: the CRM's answers about chats. If there are several about one chat,
 * the one with the latest request counts, regardless of the order of arrival.
 * Of two answers with the same time, the one that reports the chat as open
 * counts, because a chat that is kept can still be deleted; otherwise the later
 * line.
 */
#ifndef REAPER_CLOSE_ANSWERS_H
#define REAPER_CLOSE_ANSWERS_H

#include "common/base/buf.h"
#include "common/records/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happened to the chat in an answer. */
enum answer_fate {
	FATE_KEEP, /* it is open, or the input was incomplete */
	FATE_DELETE,
	FATE_NEWER,   /* kept: seen open after the CRM was asked */
	FATE_UNKNOWN, /* the tenant is not in the database */
	FATE_REFUSED, /* kept: too many chats were gone at once */
};

struct answer {
	char *tenant, *chat;
	char *where; /* its place in the input, for a dead letter */
	int64_t at;  /* when the CRM was asked */
	int64_t closed_at;
	uint64_t line; /* orders answers with the same time */
	enum chat_status status;
	enum answer_fate fate;
	bool had_row; /* the database had a row of the chat */
};

struct answers {
	struct answer *list;
	size_t n, cap;
	uint64_t lines;
};

/* True for closed or gone. */
bool answer_has_left(enum chat_status status);

/* True if the chat's rows were deleted, or would be in a dry run. */
bool answer_deletes(const struct answer *one);

/* Appends the answer as the original record. */
void answer_write(struct buf *line, const struct answer *one);

/* Adds the record, a chat with `at`. Texts are copied. */
void answers_add(struct answers *a, const struct record *r, const char *where);

/* Sorts by tenant and chat, the order in which rows are locked, and keeps only
 * the answer that counts for each chat. */
void answers_reduce(struct answers *a);

/* In a sorted list, returns the index after the last answer about the tenant of
 * list[i]. */
size_t answers_tenant_end(const struct answers *a, size_t i);

void answers_clear(struct answers *a);
void answers_release(struct answers *a);

#endif
