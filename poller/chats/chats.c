/*
 * chats: see chats.h.
 */
#include "poller/chats/chats.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "poller/chats/read_chat.h"
#include "poller/crm/profile.h"

void
chats_init(struct chats *c, struct crm_session *crm, struct emit *emit)
{
	*c = (struct chats){ .crm = crm,
		.emit = emit,
		.all = STRMAP_INIT,
		.closed = STRMAP_INIT,
		.asked_left = STRMAP_INIT };
}

void
chats_release(struct chats *c)
{
	strmap_release(&c->all, polled_chat_free);
	strmap_release(&c->closed, NULL);
	strmap_release(&c->asked_left, free);
	free(c->gathered);
	free(c->first_failure);
	free(c->first_unnamed);
}

static bool
is_of(const struct crm_record *r, const char *operator_id)
{
	return r->operator_id != NULL &&
	       strcmp(r->operator_id, operator_id) == 0;
}

/* True if the assignee in *r counts instead of the one in *listed. last: the
 * one who counted at the last poll, or "". */
static bool
counts_instead(const struct crm_record *r, const struct crm_record *listed,
    const char *last)
{
	if (r->operator_id == NULL)
		return false;
	if (listed->operator_id == NULL || is_of(listed, r->operator_id))
		return true; /* it is newer */
	if (is_of(listed, last) || is_of(r, last))
		return is_of(r, last);
	return id_compare(r->operator_id, strlen(r->operator_id),
		   listed->operator_id, strlen(listed->operator_id)) < 0;
}

/* In CRMs that list chats by operator, a chat may be in several lists: it has
 * several operators, or it moves while the lists are read. Only one operator
 * counts: the one who counted at the last poll, otherwise the lowest id. So
 * every poll chooses the same one, regardless of the order of the lists. *r:
 * the chat in another list. */
static void
list_again(struct polled_chat *c, struct crm_record *r, int64_t asked_ms)
{
	struct crm_record other = c->list;
	struct chat_state s;
	bool known = chat_state_load(&s, c->chats->crm->store, c->list.id);

	c->asked_ms = asked_ms;
	if (counts_instead(
		r, &c->list, known && s.told == 0 ? s.operator_id : "")) {
		c->list = *r;
		*r = other;
	}
	if (known)
		chat_state_release(&s);
}

static struct polled_chat *
add_listed_chat(struct chats *cs, struct crm_record *r, int64_t asked_ms)
{
	void **slot = strmap_put(&cs->all, r->id, strlen(r->id));
	struct polled_chat *c;

	if (*slot != NULL) { /* The chat moved to another page or list while the
			      * lists were read. */
		if (cs->gather)
			list_again(*slot, r, asked_ms);
		return NULL;
	}
	c = polled_chat_new(cs, r, asked_ms);
	*slot = c;
	return c;
}

static bool
is_taken(const struct crm_record *r, const char *left)
{
	if (r->status == CHAT_CLOSED)
		return left != NULL && strcmp(r->id, left) == 0;
	return r->status != CHAT_GONE;
}

void
chats_page(struct chats *cs, struct profile_answer *a, int64_t asked_ms,
    const char *left)
{
	struct polled_chat **added = xcalloc(a->n + 1, sizeof *added);
	struct polled_chat *c;
	size_t i, n = 0;

	for (i = 0; i < a->n; i++) {
		struct crm_record *r = &a->records[i];

		if (r->type == RECORD_CHAT && r->taken) {
			cs->unknown++;
		} else if (r->type == RECORD_CHAT && cs->keep_rows &&
			   left == NULL && r->status == CHAT_CLOSED) {
			*strmap_put(&cs->closed, r->id, strlen(r->id)) =
			    &polled_chat_done;
		} else if (r->type == RECORD_CHAT && is_taken(r, left)) {
			c = add_listed_chat(cs, r, asked_ms);
			if (c != NULL)
				added[n++] = c;
		} else if (r->type == RECORD_MESSAGE) {
			c = strmap_get(&cs->all, r->chat, strlen(r->chat));
			if (c != NULL && c != &polled_chat_done)
				history_put(&c->state.history, r, false);
		}
	}
	cs->listed += n;
	for (i = 0; i < n; i++) {
		if (!cs->gather) {
			read_chat(added[i]);
			continue;
		}
		XGROW(cs->gathered, cs->gathered_n, cs->gathered_cap);
		cs->gathered[cs->gathered_n++] = added[i];
	}
	free(added);
}

void
chats_listed(struct chats *cs)
{
	size_t i;

	cs->gather = false;
	for (i = 0; i < cs->gathered_n; i++)
		read_chat(cs->gathered[i]);
	cs->gathered_n = 0;
}

void
chats_each_stored(struct chats *cs, lmdb_entry_fn *entry, void *ctx)
{
	struct buf why = BUF_INIT;
	enum exit_code code =
	    store_each(cs->crm->store, STORE_CHATS, entry, ctx, &why);

	if (code != PROG_OK)
		crm_session_fail_state(cs->crm, code, buf_str(&why));
	buf_release(&why);
}
