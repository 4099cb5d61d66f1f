/*
 * chat_change: see chat_change.h.
 */
#include "aggregator/model/chat_change.h"

#include "aggregator/model/changes.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_recompute.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/chat_texts.h"
#include "aggregator/model/chat_versions.h"
#include "aggregator/model/drop_descriptions.h"
#include "aggregator/model/model_times.h"

/* Lists the chat in the snapshot before its first record there. */
static void
list_in_snapshot(struct model *m, struct chat *c)
{
	if (c->listed_at >= m->snapshot_at)
		return;
	chat_recompute_before(m, c, NULL);
	c->listed_at = m->snapshot_at;
	touch_chat(m, c, true);
}

/* Returns the chat of the record, with its messages. */
static struct chat *
get_chat(struct model *m, const struct record *r)
{
	struct chat *c = chats_get(m, r->chat);

	chat_load(m, c);
	if (model_in_snapshot(m))
		list_in_snapshot(m, c);
	return c;
}

enum model_result
chat_take_message(struct model *m, const struct record *r, struct chat **to)
{
	struct message new;
	struct chat *c;

	texts_keep(m, r);
	c = *to = get_chat(m, r);
	message_read(&m->lexicon, &new, r, c->name_hints);
	return messages_add(m, c, &new);
}

/* Returns the content of a chat record, with references to its names. */
static struct description
read_description(struct model *m, const struct record *r, int64_t at)
{
	struct interner *n = &m->lexicon.names;
	struct description d = { .next = NULL };

	d.at = at != CLOCK_NONE ? at : m->as_of;
	d.opened_at = r->opened_at;
	d.status = r->status;
	d.closed_at = CLOCK_NONE;
	if (r->status == CHAT_CLOSED)
		d.closed_at = r->closed_at != CLOCK_NONE ? r->closed_at : d.at;
	d.assignee = interner_get(n, r->operator_id);
	d.channel = interner_get(n, r->channel);
	d.customer = interner_get(n, r->customer);
	d.customer_name = interner_get(n, r->customer_name);
	d.customer_phone = interner_get(n, r->customer_phone);
	d.tag = interner_get(n, r->tag);
	d.tags = interner_get(n, r->tags);
	return d;
}

void
chat_take_record(struct model *m, const struct record *r, int64_t at)
{
	struct chat *c = get_chat(m, r);
	struct description d = read_description(m, r, at);

	/* Its first messages are probably from the assignee and the
	 * customer. */
	if (c->name_hints[0] == 0)
		c->name_hints[0] = d.customer;
	if (c->name_hints[1] == 0)
		c->name_hints[1] = d.assignee;
	chat_recompute_before(m, c, &d);
	descriptions_add(m, c, &d);
	if (m->incremental)
		descriptions_prune(m, c);
	touch_chat(m, c, true);
}

/* Marks chats that are not in the snapshot to be recomputed. A chat with a
 * record newer than the snapshot will not change. */
void
chats_end_snapshot(struct model *m)
{
	struct chat *c;
	size_t i;

	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (c->gone || c->listed_at >= m->snapshot_at ||
		    (!c->dirty && status_is_over(c->now.status)))
			continue;
		chat_load(m, c);
		touch_chat(m, c, true);
	}
}
