/*
 * allocation_record: what a record tells. A chat record tells of everything; of
 * messages those of customers open a chat, those of the system tell what the
 * CRM did, and those of operators that they answered.
 */
#include "aggregator/allocation/allocation.h"

#include "common/base/clock.h"

static void
take_chat(struct allocation *a, const struct record *r, bool holder)
{
	struct allocation_told told = {
		.at = r->at != CLOCK_NONE ? r->at : r->opened_at,
		.opened_at = r->opened_at,
		.status = r->status,
		.has_holder = holder,
		.holder = r->operator_id,
		.tags = r->tags,
		.channel = r->channel,
		.customer = r->customer,
		.reservation = r->assignment,
	};

	allocation_chat(a, r->chat, &told);
}

static bool
is_system(const struct record *r, const char *kind)
{
	return r->from == FROM_SYSTEM && text_is(r->kind, kind);
}

static void
take_message(struct allocation *a, const struct record *r, bool holder)
{
	struct allocation_told told = {
		.at = r->at, .opened_at = CLOCK_NONE, .channel = r->channel
	};

	if (r->about)
		return;
	if (r->from == FROM_OPERATOR) {
		if (!r->is_private && !r->automated)
			allocation_answered(a, r->chat);
		return;
	}
	if (r->from == FROM_CUSTOMER) {
		told.status = CHAT_OPEN;
		told.mild = true;
	} else if (is_system(r, "opened") || is_system(r, "handoff")) {
		told.status = CHAT_OPEN;
	} else if (is_system(r, "closed")) {
		told.status = CHAT_CLOSED;
	} else if (holder && is_system(r, "assigned")) {
		told.has_holder = true;
		told.holder = r->operator_id;
	} else {
		return;
	}
	allocation_chat(a, r->chat, &told);
}

static void
take(struct allocation *a, const struct record *r, bool holder)
{
	const struct allocation_person person = { r->has_available,
		r->available, r->max_chats, r->tags };

	switch (r->type) {
	case RECORD_OPERATOR:
		allocation_operator(a, r->operator_id, &person);
		break;
	case RECORD_CHAT:
		take_chat(a, r, holder);
		break;
	case RECORD_MESSAGE:
		take_message(a, r, holder);
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
	case RECORD_CLOCK:
	case RECORD_TYPES:
		break;
	}
}

void
allocation_record(struct allocation *a, const struct record *r)
{
	take(a, r, true);
}

void
allocation_record_unheld(struct allocation *a, const struct record *r)
{
	take(a, r, false);
}
