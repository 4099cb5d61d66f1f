/*
 * left_state: see left_state.h.
 */
#include "poller/chats/left_state.h"

#include "common/base/log.h"

bool
chat_is_over(const struct chat_state *c, struct store *s)
{
	return c->told != 0 &&
	       c->told <= store_number(s, CHATS_CONFIRMED, TOLD_NOTHING);
}

void
left_set(struct crm_session *crm, const char *id, int64_t left_at)
{
	struct chat_state s;

	if (!chat_state_load(&s, crm->store, id))
		return;
	if (left_at == 0 || s.left_at == 0)
		s.left_at = left_at;
	s.told = 0;
	chat_state_keep(&s, crm->store, id);
	chat_state_release(&s);
}

void
left_miss_last_word(struct crm_session *crm, const char *id, bool gone)
{
	int64_t now_ms = crm_session_now(crm);
	struct chat_state s;

	if (!chat_state_load(&s, crm->store, id))
		return;
	if (s.left_at == 0)
		s.left_at = now_ms;
	s.told = 0;
	if (++s.failures >= CHAT_FAILURES_MAX &&
	    (gone || now_ms - s.left_at > HISTORY_WAIT_MS))
		s.told = TOLD_NOTHING;
	if (s.told == TOLD_NOTHING && !gone)
		log_warn(
		    "tenant %s: chat %s left the CRM's list and cannot be "
		    "read; history lacks its last messages and its closing",
		    crm->tenant->name, id);
	chat_state_keep(&s, crm->store, id);
	chat_state_release(&s);
}
