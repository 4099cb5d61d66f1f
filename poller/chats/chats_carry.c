/*
 * chats_carry: see chats_carry.h.
 */
#include "poller/chats/chats_carry.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"

struct carried {
	struct chats *chats;
	struct profile_answer rows;
	size_t cap;
};

static bool
carry_stored(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct carried *c = ctx;
	const char *id = key;
	struct chats *cs = c->chats;
	struct profile_answer *a = &c->rows;
	struct buf why = BUF_INIT;
	struct chat_state s;
	json_t *row;

	(void)key_len;
	if (strmap_get(&cs->all, id, strlen(id)) != NULL ||
	    strmap_get(&cs->closed, id, strlen(id)) != NULL ||
	    chat_state_decode(&s, data, len) != 0)
		return true;
	XGROW(a->records, a->n, c->cap);
	row = s.left_at == 0 ? json_read_repaired(s.row, strlen(s.row), &why)
			     : NULL;
	if (profile_record_read(
		cs->crm->tenant->profile, row, &a->records[a->n]) == 0)
		a->n++;
	json_decref(row);
	buf_release(&why);
	chat_state_release(&s);
	return true;
}

void
chats_carry(struct chats *cs, int64_t asked_ms)
{
	struct carried c = { .chats = cs };

	chats_each_stored(cs, carry_stored, &c);
	chats_page(cs, &c.rows, asked_ms, NULL);
	profile_answer_release(&c.rows);
}
