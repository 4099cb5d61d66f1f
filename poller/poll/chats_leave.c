/*
 * chats_leave: see chats_leave.h.
 */
#include "poller/poll/chats_leave.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/client/locate.h"
#include "poller/store/chat_state.h"
#include "poller/store/short_list.h"

/* Chats that left are deleted after that, as they bear personal data. One that
 * left as far in the future did so by a clock that was wrong, and would stay
 * until it is right. */
#define KEEP_LEFT_MS (7 * DAY_MS)

/* More chats that leave at once were closed, not missed between pages. */
#define VERIFY_MAX SHORT_LIST_MOST

/* One that is asked about. */
struct left_chat {
	struct chats *chats;
	struct left_chat *next;
	struct locate locate;
	char id[];
};

struct left_chats {
	struct chats *chats;
	int64_t now_ms;
	size_t most; /* that may leave */
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

/* Stores the chat with another left_at; releases its state. */
static void
put_left_at(
    struct chats *cs, const char *id, struct chat_state *s, int64_t left_at)
{
	struct buf b = BUF_INIT;

	s->left_at = left_at;
	chat_state_encode(s, &b);
	store_put(cs->crm->store, STORE_CHATS, id, b.data, b.len);
	chat_state_release(s);
	buf_release(&b);
}

/* Marks the chat as left, if it may leave, or deletes it if it was marked
 * before. True if it left just now. */
static bool
mark_left(struct chats *cs, const char *id, int64_t now_ms, bool may)
{
	struct chat_state s;
	const void *data;
	size_t len;
	bool left;

	if (!store_get(cs->crm->store, STORE_CHATS, id, &data, &len))
		return false;
	left = chat_state_decode(&s, data, len) == 0 && s.left_at == 0;
	if (left && may) {
		put_left_at(cs, id, &s, now_ms);
		return true;
	}
	if (!left)
		store_delete(cs->crm->store, STORE_CHATS, id);
	chat_state_release(&s);
	return false;
}

/* The chat did not leave, or nobody knows. It is marked no more, so that it is
 * asked about again if the next list lacks it, too. */
static void
unmark_left(struct chats *cs, const char *id)
{
	struct chat_state s;
	const void *data;
	size_t len;

	if (store_get(cs->crm->store, STORE_CHATS, id, &data, &len) &&
	    chat_state_decode(&s, data, len) == 0)
		put_left_at(cs, id, &s, 0);
}

static bool
is_open(const struct crm_record *r)
{
	return r->type == RECORD_CHAT && !r->taken &&
	       r->status != CHAT_CLOSED && r->status != CHAT_GONE;
}

static void
verify_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct left_chat *l = ctx;
	struct chats *cs = l->chats;
	size_t i;

	for (i = 0; i < a->n; i++)
		if (is_open(&a->records[i]))
			unmark_left(cs, a->records[i].id);
	odd_records_count(&cs->odd, a);
	chats_page(cs, a, asked_ms);
}

static void
verify_end(void *ctx, enum where where, const struct ending *e)
{
	struct left_chat *l = ctx;

	(void)e;
	if (where == WHERE_FAILED)
		unmark_left(l->chats, l->id);
}

static void
verify(struct chats *cs, const char *id)
{
	struct left_chat *l = xcalloc(1, sizeof *l + strlen(id) + 1);

	l->chats = cs;
	memcpy(l->id, id, strlen(id) + 1);
	l->next = cs->asked_left;
	cs->asked_left = l;
	l->locate = (struct locate){ .fetch = cs->crm->fetch,
		.chat = l->id,
		.tries = 1,
		.at_once = true,
		.unlisted = true,
		.ctx = l,
		.page = verify_page,
		.end = verify_end };
	locate_chat(&l->locate);
}

void
chats_leave(struct chats *cs, enum chats_asked ask)
{
	struct left_chats l = { .chats = cs,
		.now_ms = crm_session_now(cs->crm),
		.most = ask == LEFT_ALL ? VERIFY_MAX : SIZE_MAX };
	size_t i, left = 0;
	char *id;

	store_each(cs->crm->store, STORE_CHATS, look_at_stored, &l);
	for (i = 0; i < l.n; i++) {
		id = l.ids[i];
		if (!mark_left(cs, id, l.now_ms, left < l.most))
			continue;
		/* The list itself says that it is closed. */
		if (strmap_get(&cs->closed, id, strlen(id)) != NULL)
			continue;
		l.ids[i] = l.ids[left];
		l.ids[left++] = id;
	}
	cs->left += left;
	for (i = 0; i < l.n; i++) {
		if (ask != LEFT_NONE && left <= VERIFY_MAX && i < left)
			verify(cs, l.ids[i]);
		free(l.ids[i]);
	}
	free(l.ids);
}

void
chats_leave_release(struct chats *cs)
{
	struct left_chat *l;

	while ((l = cs->asked_left) != NULL) {
		cs->asked_left = l->next;
		free(l);
	}
}
