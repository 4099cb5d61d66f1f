/*
 * reservation_decide: what follows from the chat as it was read: it is given
 * already, to this operator or another one; it is not open any more; it has to
 * be looked for; or it may be given. The same after a crash: the assignment
 * comes again, and its chat is read before it is given. Who gets a chat was
 * selected before: aggregator/allocation/allocation_select.c.
 */
#include "poller/assign/reservation_impl.h"

#include "common/os/stop.h"

/* Only some CRMs list the chats of one operator. */
static bool
must_list(const struct reservation *r)
{
	return r->max_chats != RECORD_NO_NUMBER && r->state != STATE_LISTING &&
	       profile_about(r->assigner->crm.tenant->profile)->by_operator;
}

static bool
is_operator_full(const struct reservation *r)
{
	return r->state == STATE_LISTING &&
	       (int64_t)(r->listed_ids.live +
			 recent_load_since(&r->assigner->recent, r->operator_id,
			     &r->listed_ids, r->listed_ms)) >= r->max_chats;
}

static void
end_expired(struct reservation *r)
{
	if (r->unclear != NULL)
		reservation_warn(r, r->unclear);
	reservation_outcome(r, RESERVATION_EXPIRED);
}

/* The chat may be given: it is unassigned, or with the operator who is to be
 * replaced. */
static void
give_or_refuse(struct reservation *r)
{
	if (reservation_is_expired(r))
		end_expired(r);
	else if (r->assigner->dry_run)
		reservation_done(r, RESERVATION_ASSIGNABLE);
	else if (stop_asked())
		reservation_done(r, RESERVATION_UNANSWERED);
	else if (reservation_end_unclear(r))
		; /* it was asked for long enough */
	else if (must_list(r))
		reservation_list(r);
	else if (is_operator_full(r))
		reservation_outcome(r, RESERVATION_REFUSED);
	else
		reservation_give(r);
}

/* The operator has the chat: by a request without an answer, perhaps. */
static void
end_given(struct reservation *r)
{
	if (r->giving != GIVING_NONE)
		reservation_clear_answer(r->assigner);
	reservation_outcome(r, r->giving != GIVING_NONE
				   ? RESERVATION_FULFILLED
				   : RESERVATION_CONFIRMED);
}

void
reservation_decide(struct reservation *r)
{
	if (r->status != CHAT_OPEN)
		reservation_outcome(r, RESERVATION_CLOSED);
	else if (reservation_is_same(r->assignee, r->operator_id))
		end_given(r);
	else if (r->assignee != NULL &&
		 !reservation_is_same(r->assignee, r->replaces))
		reservation_outcome(r, RESERVATION_TAKEN);
	else if (r->giving == GIVING_REFUSED)
		reservation_outcome(r, RESERVATION_REFUSED);
	else
		give_or_refuse(r);
}
