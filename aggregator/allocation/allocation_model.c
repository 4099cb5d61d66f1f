/*
 * allocation_model: reads the present state of operators and chats from the
 * model, and takes records that the model does not need: limits, and outcomes
 * of reservations.
 */
#include "aggregator/allocation/allocation_impl.h"

static void
read_operator(
    struct allocation *a, const struct model *m, const struct operator_info *o)
{
	const struct allocation_operator now = { .listed = o->listed,
		.available = !o->has_available || o->available,
		.max_chats = o->max_chats,
		.tags = model_name(m, o->tags) };

	allocation_operator(a, operator_id(m, o), &now);
}

static void
read_chat(struct allocation *a, struct model *m, struct chat *c)
{
	const struct chat_standing s = model_standing(m, c);
	const struct allocation_chat now = { .status = s.status,
		.arrival = s.arrival,
		.answered_at = s.answered_at,
		.newest = c->newest,
		.assignee = model_name(m, c->now.assignee),
		.tags = model_name(m, c->now.tags),
		.channel = s.channel,
		.customer = model_name(m, c->now.customer) };

	allocation_chat(a, chat_id(c), &now);
}

void
allocation_read_changes(struct allocation *a, struct model *m)
{
	size_t i;

	for (i = 0; i < m->changes.operators_n; i++)
		read_operator(a, m, m->changes.operators[i]);
	for (i = 0; i < m->changes.chats_n; i++)
		read_chat(a, m, m->changes.chats[i]);
}

void
allocation_read_all(struct allocation *a, struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		read_operator(a, m, m->operators[i]);
	for (i = 0; i < m->chats_n; i++)
		read_chat(a, m, m->chats[i]);
}

void
allocation_record(struct allocation *a, const struct record *r)
{
	if (r->type == RECORD_LIMIT)
		allocation_limit(
		    a, r->operator_id, r->channel, r->max_chats, r->at);
	else if (r->type == RECORD_CHAT && r->assignment.p != NULL)
		allocation_outcome(a, r->chat, r->assignment, r->operator_id);
}
