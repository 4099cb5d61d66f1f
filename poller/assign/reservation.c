/*
 * reservation: see reservation.h. No state is stored: after a crash, the
 * assignment is delivered again, and READING finds out whether it was carried
 * out.
 */
#include "poller/assign/reservation.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"

/* Maximum pause between readings, unless the CRM asks for fewer calls. */
#define RESERVATION_CAP_MS 4000

/* Each answer from the CRM leads to a decision, and each decision to the next
 * question. A caller must not use the reservation after one of these calls,
 * which may have ended it. */
static void reservation_read(struct reservation *r);
static void reservation_decide(struct reservation *r);
static void reservation_give(struct reservation *r);

static bool
reservation_is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The first pause between readings of a reservation. */
#define DELAY_BASE_MS 400

const char *const reservation_result_names[RESERVATION_RESULTS] = { "pending",
	"fulfilled", "confirmed", "taken", "closed", "refused", "expired",
	"assignable", "failed", "unanswered" };

void
tenant_assigner_release(struct tenant_assigner *assigner)
{
	crm_session_close(&assigner->crm);
	strmap_release(&assigner->busy, NULL);
	strmap_release(&assigner->counting, NULL);
}

void
reservation_init(struct reservation *r, struct tenant_assigner *assigner,
    const struct record *record)
{
	*r = (struct reservation){ .assigner = assigner,
		.id = text_dup(record->id),
		.chat = text_dup(record->chat),
		.operator_id = text_dup(record->operator_id),
		.replaces = text_dup(record->replaces),
		.expires = record->expires,
		.max_chats = record->max_chats,
		.retry = RETRY_INIT(DELAY_BASE_MS, RESERVATION_CAP_MS, -1) };
}

void
reservation_release(struct reservation *r)
{
	free(r->id);
	free(r->chat);
	free(r->operator_id);
	free(r->replaces);
	free(r->assignee);
	free(r->unclear);
	buf_release(&r->outcome);
	buf_release(&r->listed_chats);
	json_decref(r->raw);
	strmap_release(&r->listed_ids, NULL);
}

/* Return the milliseconds until the reservation expires, by the CRM's clock,
 * and whether it has expired. */
static int64_t
reservation_expires_in(const struct reservation *r)
{
	if (r->assigner->timeless)
		return INT64_MAX;
	return r->expires - crm_session_now(&r->assigner->crm);
}

static bool
reservation_is_expired(const struct reservation *r)
{
	return reservation_expires_in(r) <= 0;
}

/* True if the operator's open chats are counted before the chat is assigned:
 * only some CRMs list the chats of one operator. */
static bool
is_counted(const struct reservation *r)
{
	return r->max_chats != RECORD_NO_NUMBER &&
	       fetch_lists_by_operator(r->assigner->crm.fetch);
}

bool
reservation_may_start(const struct reservation *r)
{
	const struct tenant_assigner *assigner = r->assigner;

	if (is_counted(r) && strmap_get(&assigner->counting, r->operator_id,
				 strlen(r->operator_id)) != NULL)
		return false;
	return assigner->active < assigner->crm.tenant->concurrency &&
	       strmap_get(&assigner->busy, r->chat, strlen(r->chat)) == NULL;
}

static void
end_reservation(struct reservation *r, enum reservation_result result)
{
	struct tenant_assigner *assigner = r->assigner;

	r->state = STATE_DONE;
	r->result = result;
	log_info("reservation",
	    "tenant=%s chat=%s operator=%s result=%s assignee=%s",
	    assigner->crm.tenant->name, r->chat, r->operator_id,
	    reservation_result_names[result],
	    r->assignee != NULL ? r->assignee : "-");
	assigner->done(assigner->ctx, r);
}

/* These end the reservation and call assigner->done, either without an outcome
 * or with a chat record: the chat as it was read, with the assignee that the
 * CRM has named since then. */
static void
reservation_done(struct reservation *r, enum reservation_result result)
{
	struct tenant_assigner *assigner = r->assigner;

	assigner->active--;
	(void)strmap_delete(&assigner->busy, r->chat, strlen(r->chat));
	if (is_counted(r))
		(void)strmap_delete(&assigner->counting, r->operator_id,
		    strlen(r->operator_id));
	end_reservation(r, result);
}

/* Logs why the CRM did not assign the chat. */
static void
reservation_warn(const struct reservation *r, const char *why)
{
	log_warn("tenant %s: chat %s is not assigned to operator %s: %s",
	    r->assigner->crm.tenant->name, r->chat, r->operator_id, why);
}

/* Pauses, but not much longer than the chat may be assigned, and reads the chat
 * again. */
static void
reservation_wait(struct reservation *r)
{
	int64_t pause = retry_next(&r->retry, -1),
		left = reservation_expires_in(r);

	if (pause > RESERVATION_CAP_MS && pause > left)
		pause = left > RESERVATION_CAP_MS ? left : RESERVATION_CAP_MS;
	r->state = STATE_WAITING;
	r->due_ms = clock_mono_ms() + pause;
}

/* The CRM is unreachable: waits until the reservation has expired, except in a
 * dry run. */
static void
reservation_away(struct reservation *r)
{
	bool expired = reservation_is_expired(r);

	if (r->assigner->dry_run || stop_asked()) {
		reservation_done(r, RESERVATION_UNANSWERED);
	} else if (!expired) {
		reservation_wait(r);
	} else {
		if (r->unclear != NULL)
			reservation_warn(r, r->unclear);
		reservation_done(r, RESERVATION_FAILED);
	}
}

/* Asks the CRM a question about the reservation, which is its ctx, before other
 * questions. The answer also shows whether the CRM is reachable. */
static void
reservation_ask(struct reservation *r, struct crm_question *q)
{
	q->item = r->chat;
	q->urgent = true;
	fetch_ask(r->assigner->crm.fetch, q);
}

bool
reservation_give_up(struct reservation *r)
{
	const struct tenant_assigner *assigner = r->assigner;
	struct fetch *f = assigner->crm.fetch;
	bool away;

	if (r->state != STATE_NONE)
		return false;
	/* The CRM's clock counts; the CRM's first answer shows it. While the
	 * CRM is unreachable, one reservation continues to query it, to notice
	 * when it is back. */
	away = breaker_is_open(fetch_breaker(f, PROFILE_CHAT));
	if (reservation_is_expired(r) &&
	    (assigner->crm.skew.known || (away && assigner->active > 0)))
		end_reservation(r, RESERVATION_EXPIRED);
	else if (assigner->dry_run &&
		 (away || breaker_is_open(fetch_breaker(f, PROFILE_CHATS))))
		end_reservation(r, RESERVATION_UNANSWERED);
	else
		return false;
	return true;
}

/* The chat may have another operator than when it was read. */
static void
add_chat(struct buf *b, const struct reservation *r)
{
	struct crm_record chat;

	(void)json_object_set_new(r->raw, "operator",
	    r->assignee != NULL ? json_string(r->assignee) : json_null());
	if (profile_record_read(
		r->assigner->crm.tenant->profile, r->raw, &chat) != 0)
		return;
	crm_record_add_chat(b, &chat, "", CLOCK_NONE, r->asked_ms);
	crm_record_release(&chat);
}

static void
reservation_outcome(struct reservation *r, enum reservation_result result)
{
	struct buf *b = &r->outcome;

	jsonw_open_record(b, "chat", r->assigner->crm.tenant->name);
	if (r->raw != NULL) {
		add_chat(b, r);
	} else {
		jsonw_str(b, "chat", r->chat);
		jsonw_str(b, "status", record_status_name(CHAT_GONE));
		jsonw_time(b, "at", r->asked_ms);
	}
	jsonw_str(b, "assignment", r->id);
	jsonw_close(b);
	reservation_done(r, result);
}

/* Logs an error for the tenant once, until such a request works again; all
 * reasons for an unreachable CRM count as one error. *logged: the errors that
 * have been logged. Does not end the reservation. */
static void
report(struct tenant_assigner *assigner, enum error_class *logged,
    enum error_class error, const char *what, const char *message)
{
	bool known = *logged == error ||
		     (failure_passes(*logged) && failure_passes(error));
	struct buf way = BUF_INIT;

	assigner->crm.code = failure_code(error, FAILURE_TENANT);
	if (known)
		return;
	*logged = error;
	failure_way_out(assigner->crm.tenant, error, &way);
	log_error("tenant %s: cannot %s chats: %s; %s",
	    assigner->crm.tenant->name, what, message,
	    !assigner->dry_run && failure_passes(error) ? "it will be retried"
							: buf_str(&way));
	buf_release(&way);
}

static void
report_reading(
    const struct reservation *r, enum error_class error, const char *message)
{
	report(r->assigner, &r->assigner->cannot_read, error, "read", message);
}

static void
report_giving(
    const struct reservation *r, enum error_class error, const char *message)
{
	report(
	    r->assigner, &r->assigner->cannot_give, error, "assign", message);
}

void
reservation_start(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;

	assigner->active++;
	*strmap_put(&assigner->busy, r->chat, strlen(r->chat)) = r;
	if (is_counted(r))
		*strmap_put(&assigner->counting, r->operator_id,
		    strlen(r->operator_id)) = r;
	reservation_read(r);
}

int64_t
reservation_wake(struct reservation *r, int64_t now_mono)
{
	if (r->state != STATE_WAITING)
		return INT64_MAX;
	if (r->due_ms > now_mono)
		return r->due_ms - now_mono;
	reservation_read(r);
	return INT64_MAX;
}

/*
 * reservation_read: the questions for a reservation that change nothing: the
 * chat itself; if that does not name its assignee, the lists of the possible
 * operators; and, before the assignment, the operator's open chats.
 */

static void
set_id(char **operator_id, const char *now)
{
	free(*operator_id);
	*operator_id = xstrdup(now);
}

/* A chat without a status is open: messaging-records(5). */
static enum chat_status
status_of(const struct crm_record *r)
{
	return r->status != CHAT_NONE ? r->status : CHAT_OPEN;
}

static void
reservation_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *record = &a->records[i];

		if (record->type != RECORD_CHAT ||
		    strcmp(record->id, r->chat) != 0)
			continue;
		json_decref(r->raw);
		r->raw = json_incref(record->raw);
		free(r->assignee);
		r->assignee = record->operator_id != NULL
				  ? xstrdup(record->operator_id)
				  : NULL;
		r->status = status_of(record);
		r->taken = record->taken;
		r->asked_ms = asked_ms;
	}
}

static void
read_failed(struct reservation *r, const struct ending *e)
{
	report_reading(r, e->error, e->message);
	if (failure_passes(e->error))
		reservation_away(r);
	else
		reservation_done(r, RESERVATION_FAILED);
}

/* The chat is assigned, but the CRM does not name the assignee: the outcome
 * only reports that the reservation has ended. The record has no time, so it
 * counts as older than all other data about the chat. */
static void
outcome_unknown(struct reservation *r)
{
	struct buf *b = &r->outcome;

	jsonw_open_record(b, "chat", r->assigner->crm.tenant->name);
	jsonw_str(b, "chat", r->chat);
	jsonw_str(b, "assignment", r->id);
	jsonw_close(b);
	reservation_done(r, RESERVATION_TAKEN);
}

static void
operator_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;
	struct buf *b = &r->listed_chats;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *record = &a->records[i];

		if (record->type != RECORD_CHAT ||
		    status_of(record) != CHAT_OPEN)
			continue;
		*strmap_put(&r->listed_ids, record->id, strlen(record->id)) = r;
		jsonw_open_record(b, "chat", r->assigner->crm.tenant->name);
		crm_record_add_chat(b, record, "", CLOCK_NONE, asked_ms);
		jsonw_line(b);
	}
}

static void
operator_list_end(void *ctx, const struct ending *e)
{
	struct reservation *r = ctx;

	if (e->error != ERROR_CLASS_NONE) {
		read_failed(r, e);
		return;
	}
	if (strmap_get(&r->listed_ids, r->chat, strlen(r->chat)) != NULL) {
		/* The chat has moved here from the replaced operator
		 * meanwhile. */
		set_id(&r->assignee, r->operator_id);
	}
	reservation_decide(r);
}

static void
reservation_list(struct reservation *r)
{
	struct crm_question q = { .call = PROFILE_CHATS,
		.with = json_pack("{s:s}", "operator", r->operator_id),
		.ctx = r,
		.page = operator_list_page,
		.end = operator_list_end };

	r->state = STATE_LISTING;
	reservation_ask(r, &q);
}

static void
on_chat_shown(struct reservation *r)
{
	r->assigner->cannot_read = ERROR_CLASS_NONE;
	if (r->assignee == NULL && r->locate.assignee != NULL)
		set_id(&r->assignee, r->locate.assignee);
	if (r->status == CHAT_OPEN && r->taken && r->assignee == NULL)
		outcome_unknown(r);
	else
		reservation_decide(r);
}

static void
located(void *ctx, enum where where, const struct ending *e)
{
	struct reservation *r = ctx;

	switch (where) {
	case WHERE_SHOWN:
		on_chat_shown(r);
		break;
	case WHERE_GONE:
		r->asked_ms = e->ended_ms;
		reservation_outcome(r, RESERVATION_CLOSED);
		break;
	case WHERE_FAILED:
		read_failed(r, e);
		break;
	case WHERE_MISSING:
	case WHERE_UNASKED:
	case WHERE_OTHER:
		report_reading(r, ERROR_CLASS_UNUSABLE,
		    "the answer is about another chat");
		reservation_done(r, RESERVATION_FAILED);
		break;
	}
}

/* Reads the chat, and finds its assignee in the operators' lists. */
static void
reservation_read(struct reservation *r)
{
	json_decref(r->raw);
	r->raw = NULL;
	strmap_release(&r->listed_ids, NULL);
	buf_clear(&r->listed_chats);
	r->state = STATE_READING;
	r->locate = (struct locate){ .fetch = r->assigner->crm.fetch,
		.chat = r->chat,
		.operators = { r->operator_id, r->replaces },
		.urgent = true,
		.search = true,
		.ctx = r,
		.page = reservation_chat_page,
		.end = located };
	locate_chat(&r->locate);
}

/*
 * reservation_decide: the consequences of the chat that was read: it is already
 * assigned to this operator or another one, it is no longer open, its assignee
 * must be searched for, or it may be assigned. The same applies after a crash:
 * the assignment is delivered again, and its chat is read before it is
 * assigned. aggregator/allocation/allocation.c has selected the
 * operator.
 */

static bool
is_operator_full(const struct reservation *r)
{
	return r->state == STATE_LISTING &&
	       (int64_t)r->listed_ids.live >= r->max_chats;
}

static void
end_expired(struct reservation *r)
{
	if (r->unclear != NULL)
		reservation_warn(r, r->unclear);
	reservation_outcome(r, RESERVATION_EXPIRED);
}

/* The chat may be assigned: it is unassigned, or assigned to the operator who
 * is to be replaced. */
static void
give_or_refuse(struct reservation *r)
{
	if (reservation_is_expired(r))
		end_expired(r);
	else if (r->assigner->dry_run)
		reservation_done(r, RESERVATION_ASSIGNABLE);
	else if (stop_asked())
		reservation_done(r, RESERVATION_UNANSWERED);
	else if (is_counted(r) && r->state != STATE_LISTING)
		reservation_list(r);
	else if (is_operator_full(r))
		reservation_outcome(r, RESERVATION_REFUSED);
	else
		reservation_give(r);
}

/* Determines the next state from the chat that was read. */
static void
reservation_decide(struct reservation *r)
{
	if (r->status != CHAT_OPEN)
		reservation_outcome(r, RESERVATION_CLOSED);
	else if (reservation_is_same(r->assignee, r->operator_id))
		/* Possibly through a request that got no answer. */
		reservation_outcome(r, r->giving != GIVING_NONE
					   ? RESERVATION_FULFILLED
					   : RESERVATION_CONFIRMED);
	else if (r->assignee != NULL &&
		 !reservation_is_same(r->assignee, r->replaces))
		reservation_outcome(r, RESERVATION_TAKEN);
	else if (r->giving == GIVING_REFUSED)
		reservation_outcome(r, RESERVATION_REFUSED);
	else
		give_or_refuse(r);
}

/*
 * reservation_give: asks the CRM to assign the chat of a reservation to its
 * operator, and handles the answer or its absence.
 */

/* Maximum pause while the CRM asks for fewer calls. */
#define THROTTLED_CAP_MS HOUR_MS

static void
give_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *r = ctx;

	r->giving = GIVING_NAMED;
	r->asked_ms = asked_ms;
	free(r->assignee);
	r->assignee = a->operator_id;
	a->operator_id = NULL;
}

static void
on_chat_given(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;

	FAULT_POINT("poller.assigned");
	assigner->cannot_give = ERROR_CLASS_NONE;
	if (reservation_is_same(r->assignee, r->operator_id)) {
		reservation_outcome(r, RESERVATION_FULFILLED);
		return;
	}
	log_warn("tenant %s: chat %s was reserved for operator %s, but the CRM "
		 "says that it is assigned to %s%s",
	    assigner->crm.tenant->name, r->chat, r->operator_id,
	    r->assignee != NULL ? "operator " : "nobody",
	    r->assignee != NULL ? r->assignee : "");
	reservation_outcome(
	    r, r->assignee != NULL ? RESERVATION_TAKEN : RESERVATION_REFUSED);
}

/* Only reading the chat shows whether the CRM has assigned it. While the CRM
 * throttles, the pauses grow; a long one is reported, because the chat cannot
 * be read, either. */
static void
on_give_unclear(struct reservation *r, const struct ending *e)
{
	if (r->unclear == NULL)
		r->unclear = xstrdup(e->message);
	if (e->silenced)
		report_giving(r, ERROR_CLASS_THROTTLED, e->message);
	log_info("unclear", "tenant=%s chat=%s operator=%s reason='%s'",
	    r->assigner->crm.tenant->name, r->chat, r->operator_id, e->message);
	r->retry.cap_ms = e->silenced || e->error == ERROR_CLASS_THROTTLED
			      ? THROTTLED_CAP_MS
			      : RESERVATION_CAP_MS;
	reservation_wait(r);
}

static void
give_end(void *ctx, const struct ending *e)
{
	struct reservation *r = ctx;

	if (e->maybe || failure_passes(e->error)) {
		on_give_unclear(r, e);
		return;
	}
	if (e->error == ERROR_CLASS_NONE && r->giving == GIVING_NAMED) {
		on_chat_given(r);
	} else if (e->error == ERROR_CLASS_NONE) {
		report_giving(r, ERROR_CLASS_UNUSABLE,
		    "the profile has no request for this");
		reservation_done(r, RESERVATION_FAILED);
	} else if (failure_is_general(e->error)) {
		report_giving(r, e->error, e->message);
		reservation_done(r, RESERVATION_FAILED);
	} else {
		reservation_warn(r, e->message);
		r->giving = GIVING_REFUSED;
		reservation_read(r);
	}
}

/* Asks the CRM once, and not after r->expires. */
static void
reservation_give(struct reservation *r)
{
	struct crm_question q = { .call = PROFILE_ASSIGN,
		.with =
		    json_pack("{s:{s:s}, s:s, s:s?}", "chat", "chat", r->chat,
			"operator", r->operator_id, "replaces", r->replaces),
		.changes = true,
		.tries = 1,
		.at_once = true,
		.until_ms = r->expires,
		.ctx = r,
		.page = give_page,
		.end = give_end };

	FAULT_POINT("poller.before_assign");
	r->state = STATE_GIVING;
	r->giving = GIVING_ASKED;
	reservation_ask(r, &q);
}
