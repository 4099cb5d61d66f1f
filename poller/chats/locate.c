/*
 * locate: see locate.h.
 */
#include "poller/chats/locate.h"

#include <string.h>

static void ask_for_chat(struct locate *l);
static void read_list(struct locate *l);

static const struct crm_record *
find_chat(const struct locate *l, const struct profile_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->records[i].type == RECORD_CHAT &&
		    strcmp(a->records[i].id, l->chat) == 0)
			return &a->records[i];
	return NULL;
}

static void
list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct locate *l = ctx;

	if (l->found || find_chat(l, a) == NULL)
		return;
	l->found = l->shown = true;
	if (l->list > 0)
		l->assignee = l->operators[l->list - 1];
	l->page(l->ctx, a, asked_ms);
}

static void
list_end(void *ctx, const struct ending *e)
{
	struct locate *l = ctx;
	bool more = l->list < LOCATE_OPERATORS && l->operators[l->list] != NULL;

	/* A single list contains all chats, unless the CRM lists them by
	 * operator. */
	if (!l->taken && !fetch_lists_by_operator(l->fetch))
		more = false;
	if (e->failure != FAILURE_NONE) {
		l->end(l->ctx, WHERE_FAILED, e);
	} else if (l->found || !more) {
		l->end(l->ctx, l->shown ? WHERE_SHOWN : WHERE_GONE, e);
	} else {
		l->list++;
		read_list(l);
	}
}

static void
read_list(struct locate *l)
{
	struct crm_question q = { .call = PROFILE_CHATS,
		.item = l->chat,
		.with = json_pack("{s:s?}", "operator",
		    l->list > 0 ? l->operators[l->list - 1] : NULL),
		.urgent = l->urgent,
		.ctx = l,
		.page = list_page,
		.end = list_end };

	fetch_ask(l->fetch, &q);
}

static void
on_not_found(struct locate *l, const struct ending *e)
{
	if (l->unlisted) {
		l->end(l->ctx, WHERE_GONE, e);
	} else if (!l->again && fetch_lists_by_operator(l->fetch)) {
		l->again = true;
		ask_for_chat(l);
	} else if (l->search) {
		read_list(l);
	} else {
		l->end(l->ctx, WHERE_MISSING, e);
	}
}

static void
chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct locate *l = ctx;
	const struct crm_record *r = find_chat(l, a);

	if (r != NULL) {
		l->shown = true;
		l->taken = r->taken && r->status != CHAT_CLOSED &&
			   r->status != CHAT_GONE;
	}
	l->page(l->ctx, a, asked_ms);
}

static void
chat_end(void *ctx, const struct ending *e)
{
	struct locate *l = ctx;

	if (e->error == ERROR_CLASS_GONE) {
		on_not_found(l, e);
	} else if (e->failure != FAILURE_NONE) {
		l->end(l->ctx, WHERE_FAILED, e);
	} else if (!l->shown) {
		l->end(l->ctx, e->asked ? WHERE_OTHER : WHERE_UNASKED, e);
	} else if (l->taken && l->search && l->operators[0] != NULL) {
		l->list = 1;
		read_list(l);
	} else {
		l->end(l->ctx, WHERE_SHOWN, e);
	}
}

static void
ask_for_chat(struct locate *l)
{
	struct crm_question q = { .call = PROFILE_CHAT,
		.item = l->chat,
		.with = json_pack("{s:{s:s}}", "chat", "chat", l->chat),
		.urgent = l->urgent,
		.tries = l->tries,
		.at_once = l->at_once,
		.ctx = l,
		.page = chat_page,
		.end = chat_end };

	fetch_ask(l->fetch, &q);
}

void
locate_chat(struct locate *l)
{
	l->assignee = NULL;
	l->shown = l->taken = l->found = l->again = false;
	l->list = 0;
	ask_for_chat(l);
}
