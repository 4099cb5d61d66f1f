/*
 * chat_answers: see chat_answers.h.
 */
#include "reaper/deletion/chat_answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Neither name holds a NUL byte, so one separates them. */
void
chat_answers_key(struct text tenant, struct text chat, struct buf *key)
{
	buf_add(key, tenant.p, tenant.len);
	buf_addc(key, '\0');
	buf_add(key, chat.p, chat.len);
}

bool
chat_answers_left(enum chat_status status)
{
	return status == CHAT_CLOSED || status == CHAT_GONE;
}

/* Of one time that it is open counts: a chat that is kept can still be deleted.
 */
static bool
is_older(const struct chat_answer *c, const struct record *r)
{
	if (c->at != r->at)
		return c->at < r->at;
	return chat_answers_left(c->status) || !chat_answers_left(r->status);
}

static void
update_answer(struct chat_answer *c, const struct record *r, const char *where)
{
	free(c->where);
	c->where = chat_answers_left(r->status) ? xstrdup(where) : NULL;
	c->at = r->at;
	c->closed_at = r->closed_at;
	c->status = r->status;
}

struct chat_answer *
chat_answers_add(
    struct chat_answers *c, const struct record *r, const char *where)
{
	struct buf key = BUF_INIT;
	struct chat_answer *one;
	void **slot;

	chat_answers_key(r->tenant, r->chat, &key);
	slot = strmap_put(&c->index, key.data, key.len);
	one = *slot;
	if (one == NULL) {
		one = xcalloc(1, sizeof *one);
		one->tenant = text_dup(r->tenant);
		one->chat = text_dup(r->chat);
		update_answer(one, r, where);
		*slot = one;
		XGROW(c->list, c->n, c->cap);
		c->list[c->n++] = one;
	} else if (is_older(one, r)) {
		update_answer(one, r, where);
	}
	buf_release(&key);
	return one;
}

const struct chat_answer *
chat_answers_correct(
    struct chat_answers *c, const struct record *r, const char *where)
{
	struct buf key = BUF_INIT;
	struct chat_answer *one;

	chat_answers_key(r->tenant, r->chat, &key);
	one = strmap_get(&c->index, key.data, key.len);
	if (one != NULL && is_older(one, r))
		update_answer(one, r, where);
	buf_release(&key);
	return one;
}

static int
by_tenant_and_chat(const void *a, const void *b)
{
	const struct chat_answer *x = *(struct chat_answer *const *)a;
	const struct chat_answer *y = *(struct chat_answer *const *)b;
	int d = strcmp(x->tenant, y->tenant);

	return d != 0 ? d : strcmp(x->chat, y->chat);
}

void
chat_answers_sort(struct chat_answers *c)
{
	if (c->n > 1)
		qsort(c->list, c->n, sizeof *c->list, by_tenant_and_chat);
}

size_t
chat_answers_tenant_end(struct chat_answer *const *list, size_t i, size_t n)
{
	size_t end = i;

	while (end < n && strcmp(list[end]->tenant, list[i]->tenant) == 0)
		end++;
	return end;
}

void
chat_answers_clear(struct chat_answers *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->list[i]->tenant);
		free(c->list[i]->chat);
		free(c->list[i]->where);
		free(c->list[i]);
	}
	c->n = 0;
	strmap_release(&c->index, NULL);
	c->index = (struct strmap)STRMAP_INIT;
}

void
chat_answers_release(struct chat_answers *c)
{
	chat_answers_clear(c);
	free(c->list);
	*c = (struct chat_answers)CHAT_ANSWERS_INIT;
}
