/*
 * chats_leave: see chats_leave.h.
 */
#include "poller/chats/chats_leave.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/chats/left_state.h"
#include "poller/chats/locate.h"

/* How long chats that have left the list are kept; they are then deleted,
 * because they are personal data. If a chat left this far in the future, its
 * time is from a wrong clock; it is deleted, too, because otherwise it would
 * stay until then. */
#define KEEP_LEFT_MS (7 * DAY_MS)

/* A chat that is looked up. */
struct left_chat {
	struct chats *chats;
	struct locate locate;
	char id[];
};

struct left_chats {
	struct chats *chats;
	int64_t now_ms;
	char **ids; /* of the chats that have left and whose last messages are
		     * missing */
	size_t n, cap;
};

static bool
look_at_stored(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct left_chats *l = ctx;
	const char *id = key;
	struct store *store = l->chats->crm->store;
	struct chat_state s;
	bool old, over;

	(void)key_len;
	if (strmap_get(&l->chats->all, id, strlen(id)) != NULL)
		return true;
	if (chat_state_decode(&s, data, len) != 0) {
		store_delete(store, STORE_CHATS, id);
		return true;
	}
	old = s.left_at != 0 && (l->now_ms - s.left_at >= KEEP_LEFT_MS ||
				    s.left_at - l->now_ms >= KEEP_LEFT_MS);
	over = chat_is_over(&s, store);
	chat_state_release(&s);
	if (old) {
		store_delete(store, STORE_CHATS, id);
	} else if (!over) {
		XGROW(l->ids, l->n, l->cap);
		l->ids[l->n++] = xstrdup(id);
	}
	return true;
}

static bool
is_open(const struct crm_record *r)
{
	return r->type == RECORD_CHAT && !r->taken &&
	       r->status != CHAT_CLOSED && r->status != CHAT_GONE;
}

static void
left_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct left_chat *l = ctx;
	struct chats *cs = l->chats;
	size_t i;

	for (i = 0; i < a->n; i++)
		if (is_open(&a->records[i]))
			left_set(cs->crm, a->records[i].id, 0);
	chats_page(cs, a, asked_ms, l->id);
}

static void
left_chat_end(void *ctx, enum where where, const struct ending *e)
{
	struct left_chat *l = ctx;

	(void)e;
	if (strmap_get(&l->chats->all, l->id, strlen(l->id)) == NULL)
		left_miss_last_word(l->chats->crm, l->id,
		    where == WHERE_GONE || where == WHERE_UNASKED);
}

static void
ask_left_chat(struct chats *cs, const char *id)
{
	struct left_chat *l = xcalloc(1, sizeof *l + strlen(id) + 1);

	l->chats = cs;
	memcpy(l->id, id, strlen(id) + 1);
	*strmap_put(&cs->asked_left, id, strlen(id)) = l;
	l->locate = (struct locate){ .fetch = cs->crm->fetch,
		.chat = l->id,
		.tries = 1,
		.at_once = true,
		.unlisted = true,
		.ctx = l,
		.page = left_chat_page,
		.end = left_chat_end };
	locate_chat(&l->locate);
}

void
chats_leave(struct chats *cs, bool all)
{
	struct left_chats l = { .chats = cs,
		.now_ms = crm_session_now(cs->crm) };
	size_t i;

	chats_each_stored(cs, look_at_stored, &l);
	for (i = 0; i < l.n; i++) {
		left_set(cs->crm, l.ids[i], l.now_ms);
		if (all || i < CHATS_LEAVE_MOST)
			ask_left_chat(cs, l.ids[i]);
		free(l.ids[i]);
	}
	free(l.ids);
}
