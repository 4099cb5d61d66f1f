/*
 * answers: see answers.h.
 */
#include "reaper/close/answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

bool
answer_has_left(enum chat_status status)
{
	return status == CHAT_CLOSED || status == CHAT_GONE;
}

bool
answer_deletes(const struct answer *one)
{
	return one->fate == FATE_DELETE && one->had_row;
}

void
answer_write(struct buf *line, const struct answer *one)
{
	jsonw_open(line);
	jsonw_str(line, "type", "chat");
	jsonw_str(line, "tenant", one->tenant);
	jsonw_str(line, "chat", one->chat);
	jsonw_time(line, "at", one->at);
	jsonw_str(line, "status", record_status_name(one->status));
	if (one->closed_at != CLOCK_NONE)
		jsonw_time(line, "closed_at", one->closed_at);
	jsonw_close(line);
}

static bool
is_same_chat(const struct answer *a, const struct answer *b)
{
	return strcmp(a->tenant, b->tenant) == 0 &&
	       strcmp(a->chat, b->chat) == 0;
}

/* Sorts the answer that counts to the end of those about one chat. */
static int
compare_answers(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;
	int d = strcmp(x->tenant, y->tenant);

	if (d == 0)
		d = strcmp(x->chat, y->chat);
	if (d == 0)
		d = (x->at > y->at) - (x->at < y->at);
	if (d == 0)
		d = answer_has_left(y->status) - answer_has_left(x->status);
	return d != 0 ? d : (x->line > y->line) - (x->line < y->line);
}

static void
free_answer(struct answer *one)
{
	free(one->tenant);
	free(one->chat);
	free(one->where);
}

void
answers_reduce(struct answers *a)
{
	size_t i, n = 0;

	sort_array(a->list, a->n, sizeof *a->list, compare_answers);
	for (i = 0; i < a->n; i++) {
		if (n > 0 && is_same_chat(&a->list[n - 1], &a->list[i]))
			free_answer(&a->list[--n]);
		a->list[n++] = a->list[i];
	}
	a->n = n;
}

/* Many answers about few chats must not grow the list. */
static void
make_room(struct answers *a)
{
	if (a->n < a->cap)
		return;
	answers_reduce(a);
	if (a->n >= a->cap / 2) {
		a->cap = a->cap > 0 ? 2 * a->cap : 64;
		a->list = xrealloc(a->list, a->cap, sizeof *a->list);
	}
}

void
answers_add(struct answers *a, const struct record *r, const char *where)
{
	make_room(a);
	a->list[a->n++] = (struct answer){
		.tenant = text_dup(r->tenant),
		.chat = text_dup(r->chat),
		.where = xstrdup(where),
		.at = r->at,
		.closed_at = r->closed_at,
		.line = a->lines++,
		.status = r->status,
	};
}

size_t
answers_tenant_end(const struct answers *a, size_t i)
{
	size_t end = i;

	while (
	    end < a->n && strcmp(a->list[end].tenant, a->list[i].tenant) == 0)
		end++;
	return end;
}

void
answers_clear(struct answers *a)
{
	while (a->n > 0)
		free_answer(&a->list[--a->n]);
}

void
answers_release(struct answers *a)
{
	answers_clear(a);
	free(a->list);
	*a = (struct answers){ .n = 0 };
}
