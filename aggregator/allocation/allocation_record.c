/*
 * allocation_record: the events that a record stands for. A chat record updates
 * everything; of messages those of customers open a chat, those of the system
 * say what the CRM did, and those of operators answer it; any shows that the
 * chat is there.
 */
#include "aggregator/allocation/allocation.h"

#include "common/base/clock.h"

static void
apply_chat_record(struct allocation *a, const struct record *r, bool assignee)
{
	struct allocation_chat_update update = {
		.at = r->at != CLOCK_NONE ? r->at : r->opened_at,
		.opened_at = r->opened_at,
		/* Without one the chat is open, as for the figures. */
		.status = r->status != CHAT_NONE ? r->status : CHAT_OPEN,
		.has_assignee = assignee,
		.assignee = r->operator_id,
		.tags = r->tags,
		.channel = r->channel,
		.customer = r->customer,
		.reservation = r->assignment,
	};

	allocation_chat(a, r->chat, &update);
}

static bool
is_system(const struct record *r, const char *kind)
{
	return r->from == FROM_SYSTEM && text_is(r->kind, kind);
}

static void
apply_message_record(
    struct allocation *a, const struct record *r, bool assignee)
{
	struct allocation_chat_update update = { .at = r->at,
		.message = r->id,
		.opened_at = CLOCK_NONE,
		.channel = r->channel };

	if (r->about)
		return;
	allocation_message(a, r->chat, r->at);
	if (r->from == FROM_OPERATOR) {
		if (!r->is_private && !r->automated)
			allocation_answered(a, r->chat, r->at);
		return;
	}
	if (r->from == FROM_CUSTOMER) {
		if (r->is_private || r->automated)
			return;
		update.status = CHAT_OPEN;
		update.keeps_pending = true;
	} else if (is_system(r, "opened") || is_system(r, "handoff")) {
		update.status = CHAT_OPEN;
		update.hands_over = is_system(r, "handoff");
	} else if (is_system(r, "closed")) {
		update.status = CHAT_CLOSED;
	} else if (assignee && is_system(r, "assigned")) {
		update.has_assignee = true;
		update.assignee = r->operator_id;
	} else {
		return;
	}
	allocation_chat(a, r->chat, &update);
}

static void
apply_record(struct allocation *a, const struct record *r, bool assignee)
{
	const struct allocation_operator_update person = { r->has_available,
		r->available, r->available_at, r->max_chats, r->tags };

	switch (r->type) {
	case RECORD_OPERATOR:
		/* Else only the name is known: nobody to give chats to. */
		if (!r->stale)
			allocation_operator(a, r->operator_id, &person);
		break;
	case RECORD_CHAT:
		apply_chat_record(a, r, assignee);
		break;
	case RECORD_MESSAGE:
		apply_message_record(a, r, assignee);
		break;
	case RECORD_LIMIT:
		allocation_limit(
		    a, r->operator_id, r->channel, r->max_chats, r->at);
		break;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_EVENT:
	case RECORD_ASSIGNMENT:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
}

void
allocation_record(struct allocation *a, const struct record *r)
{
	apply_record(a, r, true);
}

void
allocation_record_unassigned(struct allocation *a, const struct record *r)
{
	apply_record(a, r, false);
}
