/*
 * promise_give: asks the CRM to give the chat of a promise to its operator, and
 * makes sense of the answer, or of none.
 */
#include "poller/promise_impl.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"

static void
give_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct promise *p = ctx;

	p->named = true;
	p->asked_ms = asked_ms;
	p->answer = a->operator_id;
	a->operator_id = NULL;
}

static void
given(struct promise *p)
{
	struct clerk *c = p->clerk;

	c->told = FAULT_NONE;
	free(p->holder);
	p->holder = p->answer != NULL ? xstrdup(p->answer) : NULL;
	if (promise_is_same(p->answer, p->operator_id)) {
		promise_outcome(p, PROMISE_KEPT);
		return;
	}
	log_warn("tenant %s: chat %s was to be given to operator %s; the CRM "
		 "says that %s%s has it",
	    c->tenant->name, p->chat, p->operator_id,
	    p->answer != NULL ? "operator " : "nobody",
	    p->answer != NULL ? p->answer : "");
	promise_outcome(p, p->answer != NULL ? PROMISE_TAKEN : PROMISE_REFUSED);
}

static void
give_end(void *ctx, const struct ending *e)
{
	struct promise *p = ctx;
	struct clerk *c = p->clerk;

	gifts_end(&c->gifts, p->chat, clock_mono_ms());
	if (e->fault == FAULT_NONE && p->named) {
		given(p);
		return;
	}
	if (e->fault == FAULT_NONE) {
		promise_tell(c, FAULT_UNUSABLE, "give chats to operators",
		    "its profile has no request for that");
		promise_done(p, PROMISE_LEFT);
		return;
	}
	/* Whatever it was: only the chat itself tells how it stands. */
	if (e->maybe || e->fault == FAULT_LATER ||
	    e->fault == FAULT_THROTTLED) {
		log_info("unclear", "tenant=%s chat=%s operator=%s reason='%s'",
		    c->tenant->name, p->chat, p->operator_id, e->message);
		/* Else nobody would know why nothing happens. */
		if (e->silenced)
			log_warn("tenant %s: cannot give chats to operators: "
				 "%s; it is waited for",
			    c->tenant->name, e->message);
		promise_wait(p);
		return;
	}
	if (e->fault == FAULT_DENIED || e->fault == FAULT_QUOTA) {
		promise_tell(
		    c, e->fault, "give chats to operators", e->message);
		promise_done(p, PROMISE_LEFT);
		return;
	}
	log_warn("tenant %s: chat %s is not given to operator %s: %s",
	    c->tenant->name, p->chat, p->operator_id, e->message);
	p->refused = true;
	promise_read(p);
}

/* Asked once, and not when the promise is over meanwhile. */
void
promise_give(struct promise *p)
{
	struct question q = { .call = PROFILE_ASSIGN,
		.operator_id = p->operator_id,
		.replaces = p->replaces,
		.changes = true,
		.urgent = true,
		.tries = 1,
		.impatient = true,
		.until_ms = p->expires,
		.ctx = p,
		.page = give_page,
		.end = give_end };

	gifts_begin(&p->clerk->gifts, p->operator_id, p->chat, clock_mono_ms());
	p->step = STEP_GIVING;
	p->tried = true;
	p->named = false;
	free(p->answer);
	p->answer = NULL;
	q.chat = value_chat(p->chat);
	fetch_ask(p->clerk->fetch, &q);
	value_unref(q.chat);
}
