/*
 * reservation_give: asks the CRM to give the chat of a reservation to its
 * operator, and makes sense of the answer, or of none.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

static void
give_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *p = ctx;

	p->giving = GIVING_NAMED;
	p->asked_ms = asked_ms;
	p->answer = a->operator_id;
	a->operator_id = NULL;
}

static void
on_chat_given(struct reservation *p)
{
	struct tenant_assigner *c = p->assigner;

	c->told = ERROR_CLASS_NONE;
	free(p->holder);
	p->holder = p->answer != NULL ? xstrdup(p->answer) : NULL;
	if (reservation_is_same(p->answer, p->operator_id)) {
		reservation_outcome(p, RESERVATION_KEPT);
		return;
	}
	log_warn("tenant %s: chat %s was to be given to operator %s; the CRM "
		 "says that %s%s has it",
	    c->tenant->name, p->chat, p->operator_id,
	    p->answer != NULL ? "operator " : "nobody",
	    p->answer != NULL ? p->answer : "");
	reservation_outcome(
	    p, p->answer != NULL ? RESERVATION_TAKEN : RESERVATION_REFUSED);
}

static void
give_end(void *ctx, const struct ending *e)
{
	struct reservation *p = ctx;
	struct tenant_assigner *c = p->assigner;

	recent_assignments_end(&c->recent, p->chat, clock_mono_ms());
	if (e->fault == ERROR_CLASS_NONE && p->giving == GIVING_NAMED) {
		on_chat_given(p);
		return;
	}
	if (e->fault == ERROR_CLASS_NONE) {
		reservation_tell(c, ERROR_CLASS_UNUSABLE,
		    "give chats to operators",
		    "its profile has no request for that");
		reservation_done(p, RESERVATION_LEFT);
		return;
	}
	/* Whatever it was: only the chat itself tells how it stands. */
	if (e->maybe || e->fault == ERROR_CLASS_LATER ||
	    e->fault == ERROR_CLASS_THROTTLED) {
		log_info("unclear", "tenant=%s chat=%s operator=%s reason='%s'",
		    c->tenant->name, p->chat, p->operator_id, e->message);
		/* Else nobody would know why nothing happens. */
		if (e->silenced)
			log_warn("tenant %s: cannot give chats to operators: "
				 "%s; it is waited for",
			    c->tenant->name, e->message);
		reservation_wait(p);
		return;
	}
	if (e->fault == ERROR_CLASS_DENIED || e->fault == ERROR_CLASS_QUOTA) {
		reservation_tell(
		    c, e->fault, "give chats to operators", e->message);
		reservation_done(p, RESERVATION_LEFT);
		return;
	}
	log_warn("tenant %s: chat %s is not given to operator %s: %s",
	    c->tenant->name, p->chat, p->operator_id, e->message);
	p->giving = GIVING_REFUSED;
	reservation_read(p);
}

/* Asked once, and not when the reservation is over meanwhile. */
void
reservation_give(struct reservation *p)
{
	struct question q = { .call = PROFILE_ASSIGN,
		.operator_id = p->operator_id,
		.replaces = p->replaces,
		.changes = true,
		.urgent = true,
		.tries = 1,
		.at_once = true,
		.until_ms = p->expires,
		.ctx = p,
		.page = give_page,
		.end = give_end };

	recent_assignments_begin(
	    &p->assigner->recent, p->operator_id, p->chat, clock_mono_ms());
	reservation_go(p, STEP_GIVING);
	p->giving = GIVING_ASKED;
	free(p->answer);
	p->answer = NULL;
	q.chat = value_chat(p->chat);
	fetch_ask(p->assigner->fetch, &q);
	value_unref(q.chat);
}
