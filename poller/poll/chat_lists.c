/*
 * chat_lists: see chat_lists.h.
 */
#include "poller/poll/chat_lists.h"

static void
page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct chat_lists *l = ctx;

	l->like.page(l->like.ctx, a, asked_ms);
}

static void
end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;

	l->left--;
	if (l->ended || (l->left > 0 && e->fault == ERROR_CLASS_NONE))
		return;
	l->ended = true;
	l->like.end(l->like.ctx, e);
}

static void
ask(struct chat_lists *l, const char *operator_id,
    void (*list_end)(void *ctx, const struct ending *e))
{
	struct question q = l->like;

	q.call = PROFILE_CHATS;
	q.operator_id = operator_id;
	q.ctx = l;
	q.page = page;
	q.end = list_end;
	l->left++;
	fetch_ask(l->fetch, &q);
}

static void
free_chats_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;
	const char *id = NULL;

	while (e->fault == ERROR_CLASS_NONE &&
	       (id = operators_next(l->operators, id)) != NULL)
		ask(l, id, end);
	end(l, e);
}

void
chat_lists_ask(struct chat_lists *l)
{
	if (l->by_operator)
		operators_tell(l->operators, l->profile);
	ask(l, NULL, l->by_operator ? free_chats_end : end);
}
