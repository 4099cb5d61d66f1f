/*
 * chat_lists: see chat_lists.h.
 */
#include "poller/poll/chat_lists.h"

static void
chat_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct chat_lists *l = ctx;

	l->list_question.page(l->list_question.ctx, a, asked_ms);
}

static void
chat_list_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;

	l->left--;
	if (l->ended || (l->left > 0 && e->error == ERROR_CLASS_NONE))
		return;
	l->ended = true;
	l->list_question.end(l->list_question.ctx, e);
}

static void
ask_chat_list(struct chat_lists *l, const char *operator_id,
    void (*list_end)(void *ctx, const struct ending *e))
{
	struct crm_question q = l->list_question;

	q.call = PROFILE_CHATS;
	q.operator_id = operator_id;
	q.ctx = l;
	q.page = chat_list_page;
	q.end = list_end;
	l->left++;
	fetch_ask(l->fetch, &q);
}

static void
free_chats_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;
	const char *id = NULL;

	while (e->error == ERROR_CLASS_NONE &&
	       (id = operators_next(l->operators, id)) != NULL)
		ask_chat_list(l, id, chat_list_end);
	chat_list_end(l, e);
}

void
chat_lists_ask(struct chat_lists *l)
{
	if (profile_about(l->profile)->operators_first)
		operators_set_in_profile(l->operators, l->profile);
	ask_chat_list(l, NULL, l->by_operator ? free_chats_end : chat_list_end);
}
