/*
 * chats_leave: see chats_leave.h.
 */
#include "poller/poll/chats_leave.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/client/skew.h"
#include "poller/store/chat_state.h"

/* Chats that left are deleted after that, as they bear personal data. One that
 * left as far in the future did so by a clock that was wrong, and would stay
 * until it is right. */
#define KEEP_LEFT_MS (7 * DAY_MS)

/* More chats that leave at once were closed, not missed between pages. */
#define VERIFY_MAX 50

struct left_chats {
	struct chats *chats;
	int64_t now_ms;
	char **ids;
	size_t n, cap;
};

static void
look_at_stored(void *ctx, const char *id, const void *data, size_t len)
{
	struct left_chats *l = ctx;
	struct chat_peek p;

	if (strmap_get(&l->chats->all, id, strlen(id)) != NULL)
		return;
	if (chat_peek_decode(&p, data, len) == 0 && p.left_at != 0 &&
	    l->now_ms - p.left_at < KEEP_LEFT_MS &&
	    p.left_at - l->now_ms < KEEP_LEFT_MS)
		return;
	XGROW(l->ids, l->n, l->cap);
	l->ids[l->n++] = xstrdup(id);
}

/* Marks the chat as left, or deletes it if it was marked before. True if it
 * left just now. */
static bool
mark_left(struct chats *cs, const char *id, int64_t now_ms)
{
	struct chat_state s;
	struct buf b = BUF_INIT;
	const void *data;
	size_t len;
	bool left;

	if (!store_get(cs->store, STORE_CHATS, id, &data, &len))
		return false;
	left = chat_state_decode(&s, data, len) == 0 && s.left_at == 0;
	if (!left) {
		store_delete(cs->store, STORE_CHATS, id);
	} else {
		s.left_at = now_ms;
		chat_state_encode(&s, &b);
		store_put(cs->store, STORE_CHATS, id, b.data, b.len);
	}
	chat_state_release(&s);
	buf_release(&b);
	return left;
}

/* The chat did not leave. It is marked no more, so that it is asked about again
 * if the next list lacks it, too. */
static void
unmark_left(struct chats *cs, const struct crm_record *r)
{
	struct chat_state s;
	struct buf b = BUF_INIT;
	const void *data;
	size_t len;

	if (r->type != RECORD_CHAT || r->taken || r->status == CHAT_CLOSED ||
	    r->status == CHAT_GONE ||
	    !store_get(cs->store, STORE_CHATS, r->id, &data, &len) ||
	    chat_state_decode(&s, data, len) != 0)
		return;
	s.left_at = 0;
	chat_state_encode(&s, &b);
	store_put(cs->store, STORE_CHATS, r->id, b.data, b.len);
	chat_state_release(&s);
	buf_release(&b);
}

static void
verify_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct chats *cs = ctx;
	size_t i;

	for (i = 0; i < a->n; i++)
		unmark_left(cs, &a->records[i]);
	odd_records_count(&cs->odd, a);
	chats_page(cs, a, asked_ms);
}

/* An error does no harm: the next list has the chat. */
static void
verify_end(void *ctx, const struct ending *e)
{
	(void)ctx;
	(void)e;
}

static void
verify(struct chats *cs, const char *id)
{
	struct crm_question q = { .call = PROFILE_CHAT,
		.tries = 1,
		.at_once = true,
		.ctx = cs,
		.page = verify_page,
		.end = verify_end };

	q.chat = value_chat(id);
	fetch_ask(cs->fetch, &q);
	value_unref(q.chat);
}

void
chats_leave(struct chats *cs, bool ask)
{
	struct left_chats l = { .chats = cs,
		.now_ms = skew_apply(cs->skew, clock_now_ms()) };
	size_t i, left = 0;
	char *id;

	store_each(cs->store, STORE_CHATS, look_at_stored, &l);
	for (i = 0; i < l.n; i++) {
		id = l.ids[i];
		if (!mark_left(cs, id, l.now_ms))
			continue;
		l.ids[i] = l.ids[left];
		l.ids[left++] = id;
	}
	cs->left += left;
	ask = ask && left <= VERIFY_MAX;
	for (i = 0; i < l.n; i++) {
		if (ask && i < left)
			verify(cs, l.ids[i]);
		free(l.ids[i]);
	}
	free(l.ids);
}
