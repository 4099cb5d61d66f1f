/*
 * reservation_give: asks the CRM to give the chat of a reservation to its
 * operator, and handles the answer or the lack of one.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

/* No pause is longer while the CRM wants fewer calls. */
#define THROTTLED_CAP_MS HOUR_MS

static void
give_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;

	r->giving = GIVING_NAMED;
	r->asked_ms = asked_ms;
	r->answer = a->operator_id;
	a->operator_id = NULL;
}

static void
on_chat_given(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;

	FAULT_POINT("poller.assigned");
	assigner->reported = ERROR_CLASS_NONE;
	assigner->cannot_give = false;
	free(r->assignee);
	r->assignee = r->answer != NULL ? xstrdup(r->answer) : NULL;
	if (reservation_is_same(r->answer, r->operator_id)) {
		reservation_outcome(r, RESERVATION_FULFILLED);
		return;
	}
	log_warn("tenant %s: chat %s was to be given to operator %s; the CRM "
		 "says that %s%s has it",
	    assigner->crm.tenant->name, r->chat, r->operator_id,
	    r->answer != NULL ? "operator " : "nobody",
	    r->answer != NULL ? r->answer : "");
	reservation_outcome(
	    r, r->answer != NULL ? RESERVATION_TAKEN : RESERVATION_REFUSED);
}

int64_t
reservation_give_ms(const struct reservation *r)
{
	const struct tenant_assigner *assigner = r->assigner;
	int64_t left = reservation_expires_in(r), budget;

	if (r->unclear == NULL || assigner->wait_forever)
		return left;
	budget = assigner->crm.tenant->retry_budget_ms -
		 (clock_mono_ms() - r->unclear_ms);
	return budget < left ? budget : left;
}

void
reservation_clear_answer(struct tenant_assigner *assigner)
{
	breaker_close(fetch_breaker(assigner->crm.fetch, PROFILE_ASSIGN));
	assigner->throttled = false;
}

static void
report(struct tenant_assigner *assigner, enum error_class error,
    const char *message)
{
	reservation_report(assigner, error, "give chats to operators", message);
	assigner->cannot_give = true;
}

/* Whatever its answers were, the CRM may give chats later. */
bool
reservation_end_unclear(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;
	struct breaker *b = fetch_breaker(assigner->crm.fetch, PROFILE_ASSIGN);

	if (r->unclear == NULL || assigner->wait_forever ||
	    reservation_give_ms(r) > 0)
		return false;
	if (!breaker_is_open(b))
		report(assigner,
		    assigner->throttled ? ERROR_CLASS_THROTTLED
					: ERROR_CLASS_LATER,
		    r->unclear);
	breaker_fail(b, r->chat, FAILURE_SILENT);
	reservation_done(r, RESERVATION_UNANSWERED);
	return true;
}

/* The pauses go on growing then; they may be longer than the retry budget: says
 * why nothing happens. */
static void
on_throttled(struct reservation *r, const struct ending *e)
{
	struct tenant_assigner *assigner = r->assigner;

	r->retry.cap_ms = THROTTLED_CAP_MS;
	assigner->throttled = true;
	if (!assigner->wait_forever ||
	    reservation_is_reported(assigner, ERROR_CLASS_THROTTLED))
		return;
	log_warn("tenant %s: cannot give chats to operators: %s; it is waited "
		 "for",
	    assigner->crm.tenant->name, e->message);
	assigner->reported = ERROR_CLASS_THROTTLED;
	assigner->cannot_give = true;
}

/* Only reading the chat shows whether the CRM has done it. While the CRM is
 * silenced it cannot be read, either: a run that does not wait ends. */
static void
on_give_unclear(struct reservation *r, const struct ending *e)
{
	const struct tenant_assigner *assigner = r->assigner;

	if (r->unclear == NULL) {
		r->unclear = xstrdup(e->message);
		r->unclear_ms = clock_mono_ms();
	}
	if (e->silenced && !assigner->wait_forever) {
		/* Silenced, whatever the answer was. */
		report(r->assigner, ERROR_CLASS_THROTTLED, e->message);
		reservation_done(r, RESERVATION_UNANSWERED);
		return;
	}
	log_info("unclear", "tenant=%s chat=%s operator=%s reason='%s'",
	    assigner->crm.tenant->name, r->chat, r->operator_id, e->message);
	if (e->silenced || e->error == ERROR_CLASS_THROTTLED)
		on_throttled(r, e);
	else
		r->retry.cap_ms = RESERVATION_CAP_MS;
	reservation_wait(r);
}

static bool
is_unclear(const struct ending *e)
{
	return e->maybe || failure_passes(e->error);
}

static void
give_end(void *ctx, const struct ending *e)
{
	struct reservation *r = ctx;
	struct tenant_assigner *assigner = r->assigner;

	recent_load_end(&assigner->recent, r->chat, clock_mono_ms());
	if (is_unclear(e)) {
		on_give_unclear(r, e);
		return;
	}
	reservation_clear_answer(assigner);
	if (e->error == ERROR_CLASS_NONE && r->giving == GIVING_NAMED) {
		on_chat_given(r);
	} else if (e->error == ERROR_CLASS_NONE) {
		report(assigner, ERROR_CLASS_UNUSABLE,
		    "its profile has no request for that");
		reservation_done(r, RESERVATION_FAILED);
	} else if (e->error == ERROR_CLASS_DENIED ||
		   e->error == ERROR_CLASS_QUOTA) {
		report(assigner, e->error, e->message);
		reservation_done(r, RESERVATION_FAILED);
	} else {
		reservation_warn(r, e->message);
		r->giving = GIVING_REFUSED;
		reservation_read(r);
	}
}

void
reservation_give(struct reservation *r)
{
	struct crm_question q = { .call = PROFILE_ASSIGN,
		.operator_id = r->operator_id,
		.replaces = r->replaces,
		.changes = true,
		.tries = 1,
		.at_once = true,
		.until_ms = r->expires,
		.ctx = r,
		.page = give_page,
		.end = give_end };

	FAULT_POINT("poller.before_assign");
	recent_load_begin(
	    &r->assigner->recent, r->operator_id, r->chat, clock_mono_ms());
	r->state = STATE_GIVING;
	r->giving = GIVING_ASKED;
	free(r->answer);
	r->answer = NULL;
	q.chat = value_chat(r->chat);
	reservation_ask(r, &q);
	value_unref(q.chat);
}
