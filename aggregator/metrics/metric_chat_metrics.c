/*
 * chat_metrics: one row for each open chat, with its description from the CRM
 * and the figures of its current episode (chatwoot: of all episodes).
 */
#include "aggregator/metrics/metric.h"

#include "common/hours/terms.h"

/* Writes which answer the customer awaits, and by when it is due. */
static struct cell *
emit_due(const struct model *m, const struct chat *chat, struct cell *c)
{
	const struct awaited_answer answer = chat_awaited_answer(chat);
	struct judge_due due;

	if (chat->figures.waiting_since == CLOCK_NONE)
		return c;
	c = cell_text(c, target_kind_name(answer.kind));
	due = judge_due(
	    terms_of_channel(m->terms, model_name(m, chat->now.channel)),
	    answer.kind, answer.since);
	c = cell_number(c, due.answer_by);
	return cell_number(c, due.soon_at);
}

static void
emit_chat_row(const struct model *m, const struct chat *chat,
    const char *status, struct rowset *to)
{
	const struct description *now = &chat->now;
	struct cell *c = rowset_add(to);

	c = cell_id(c, chat_id(chat));
	c = cell_id(c, model_name(m, now->assignee));
	c = cell_id(c, model_name(m, now->channel));
	c = cell_id(c, model_name(m, now->customer));
	c = cell_id(c, model_name(m, now->customer_name));
	c = cell_id(c, model_name(m, now->customer_phone));
	c = cell_id(c, model_name(m, now->tag));
	c = cell_text(c, status);
	c = cell_number(c, chat->now.opened_at);
	c = cell_number(c, chat->figures.last_message_at);
	c = cell_count(c, chat->figures.messages_counted);
	c = cell_count(c, chat->figures.participants);
	c = cell_count(c, chat->figures.responses.n);
	c = cell_number(c, tally_mean(&chat->figures.responses));
	c = cell_number(c, chat->figures.first_response);
	c = cell_number(c, chat->figures.waiting_since);
	(void)emit_due(m, chat, c);
}

static void
emit_chats(const struct model *m, struct rowset *to, enum metric_rows which)
{
	struct chat *const *v =
	    which == ROWS_CHANGED ? m->changes.chats : m->chats;
	size_t n = which == ROWS_CHANGED ? m->changes.chats_n : m->chats_n;
	size_t i;

	for (i = 0; i < n; i++) {
		if (chat_is_open(v[i]))
			emit_chat_row(
			    m, v[i], record_status_name(v[i]->now.status), to);
		else if (which == ROWS_CHANGED && chat_has_left(v[i]))
			emit_chat_row(m, v[i], "left", to);
	}
}

const struct metric metric_chat_metrics = {
	.table = &tables[TABLE_chat_metrics],
	.by_default = true,
	.in_overview = true,
	.emit = emit_chats,
};
