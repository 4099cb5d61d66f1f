/*
 * allocation_news: which of two updates of a chat is the newer one, by the
 * rules of messaging-stream(7), so that the order in which they come does not
 * matter. Of one time, a chat record decides the status and an assigned message
 * the operator; of two messages the one with the greater id; of two chat
 * records the one with the bytewise greater status and operator.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>
#include <string.h>

/* An empty id, of messages that are no longer kept, is the least. */
static int
compare_message_ids(struct text a, const char *b)
{
	size_t len = strlen(b);

	if (a.len == 0 || len == 0)
		return (a.len > 0) - (len > 0);
	return id_compare(a.p, a.len, b, len);
}

/* A chat record without a status is that of an open chat; CHAT_NONE: none came.
 */
static int
compare_statuses(enum chat_status record, enum chat_status before)
{
	if (before == CHAT_NONE)
		return 1;
	return strcmp(
	    record_status_name(record != CHAT_NONE ? record : CHAT_OPEN),
	    record_status_name(before));
}

bool
alloc_is_news_newer(
    const struct alloc_news *old, const struct allocation_chat_update *update)
{
	if (update->at != old->at)
		return update->at > old->at;
	if (update->message.p == NULL && old->by == NULL)
		return compare_statuses(update->status, old->status) >= 0;
	if (update->message.p == NULL || old->by == NULL)
		return update->message.p == NULL;
	return compare_message_ids(update->message, old->by) >= 0;
}

static int
compare_assignees(
    const struct alloc_chat *c, const struct allocation_chat_update *update)
{
	int order = compare_statuses(update->status, c->assignee_status);

	if (order != 0)
		return order;
	return text_compare(update->assignee,
	    c->assignee != NULL ? c->assignee->id : (struct text){ NULL, 0 });
}

bool
alloc_is_assignee_newer(
    const struct alloc_chat *c, const struct allocation_chat_update *update)
{
	if (update->at != c->assignee_at)
		return update->at > c->assignee_at;
	if (update->message.p == NULL && c->assignee_by == NULL)
		return compare_assignees(c, update) >= 0;
	if (update->message.p == NULL || c->assignee_by == NULL)
		return update->message.p != NULL;
	return compare_message_ids(update->message, c->assignee_by) >= 0;
}

/* Keeps the message that said something; NULL: a chat record. */
void
alloc_keep_message(char **by, struct text message)
{
	free(*by);
	*by = text_dup(message);
}
