/*
 * read_messages: see read_messages.h.
 */
#include "poller/chats/read_messages.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

/* How often one chat is tried in a poll. */
#define TRIES 4

static void
messages_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct polled_chat *c = ctx;
	const struct crm_record *r;

	(void)asked_ms;
	for (r = a->records; r < a->records + a->n; r++) {
		if (r->type != RECORD_MESSAGE)
			continue;
		if (strcmp(r->chat, c->list.id) != 0) {
			c->mixed = true;
			continue;
		}
		history_put(&c->read, r, true);
	}
}

static void
remember_failure(struct polled_chat *c, const struct ending *e)
{
	struct chats *cs = c->chats;

	if (cs->first_failure != NULL)
		return;
	cs->first_failure = xasprintf("chat %s: %s", c->list.id, e->message);
	cs->first_error = e->error;
}

/* Turns an answer with messages of another chat into an error: the CRM or its
 * profile ignores the requested chat. Otherwise this chat's missing messages
 * would look like silence. */
static struct ending
ending_of_messages(const struct polled_chat *c, const struct ending *e)
{
	struct ending end = *e;

	if (c->mixed && e->error == ERROR_CLASS_NONE) {
		end.failure = FAILURE_ITEM;
		end.error = ERROR_CLASS_UNUSABLE;
		end.message = "the answer has messages of another chat";
	}
	return end;
}

static void
messages_end(void *ctx, const struct ending *ending)
{
	struct polled_chat *c = ctx;
	struct chats *cs = c->chats;
	const struct ending e = ending_of_messages(c, ending);

	cs->read++;
	c->failed = e.failure != FAILURE_NONE;
	if (e.failure != FAILURE_TENANT || !failure_is_general(e.error)) {
		if (c->failed && !polled_chat_is_closed(c))
			remember_failure(c, &e);
		polled_chat_answered(c);
	}
	if (e.failure == FAILURE_TENANT)
		crm_session_fail(cs->crm, e.error, "messages", e.message);
}

void
read_messages(struct polled_chat *c)
{
	struct chats *cs = c->chats;
	/* A chat that also failed in the last poll does not indicate that other
	 * chats will fail. Otherwise, if only a few such chats were left to
	 * read, they would end every poll and never be written from the
	 * state. */
	bool again = c->state.failures > 0;
	const char *known = NULL;
	struct crm_question q = { .call = PROFILE_MESSAGES,
		.item = c->list.id,
		.tries = again ? 2 : TRIES,
		.at_once = again,
		.weight = again ? FAILURE_ALONE : FAILURE_OTHER,
		.optional = polled_chat_is_closed(c),
		.ctx = c,
		.page = messages_page,
		.end = messages_end };

	if (c->state.failures >= CHAT_FAILURES_MAX)
		q.tries = 1;
	if (c->known)
		known = history_complete_up_to(
		    &c->state.history, c->asked_ms - HISTORY_LATE_MS);
	q.with = json_pack(
	    "{s:O?, s:{s:s?}}", "chat", c->list.raw, "known", "last", known);
	c->waiting++;
	cs->to_read++;
	fetch_ask(cs->crm->fetch, &q);
}
