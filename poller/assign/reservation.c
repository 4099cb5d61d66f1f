/*
 * reservation: see reservation.h. Start and end of a reservation, and what
 * reservation_read.c, reservation_decide.c and reservation_give.c share.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/text/jsonw.h"

/* The first pause between readings of one reservation. */
#define DELAY_BASE_MS 400

const char *const reservation_result_names[RESERVATION_RESULTS] = { "pending",
	"fulfilled", "confirmed", "taken", "closed", "refused", "expired",
	"assignable", "failed", "unanswered" };

void
tenant_assigner_release(struct tenant_assigner *assigner)
{
	crm_session_close(&assigner->crm);
	strmap_release(&assigner->busy, NULL);
	strmap_release(&assigner->asked, free);
	recent_load_release(&assigner->recent);
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
		.closed_at = CLOCK_NONE,
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
	free(r->answer);
	free(r->unclear);
	buf_release(&r->outcome);
	buf_release(&r->listed_chats);
	buf_release(&r->body);
	strmap_release(&r->listed_ids, NULL);
}

int64_t
reservation_expires_in(const struct reservation *r)
{
	if (r->assigner->timeless)
		return INT64_MAX;
	return r->expires - crm_session_now(&r->assigner->crm);
}

bool
reservation_is_expired(const struct reservation *r)
{
	return reservation_expires_in(r) <= 0;
}

/* The breakers of the three kinds of questions. */
static const struct breaker *
next_breaker(const struct reservation *r, size_t *i)
{
	static const enum profile_call kinds[] = { PROFILE_CHAT, PROFILE_CHATS,
		PROFILE_ASSIGN };

	return *i < ARRAY_LEN(kinds)
		   ? fetch_breaker(r->assigner->crm.fetch, kinds[(*i)++])
		   : NULL;
}

/* Whether a chat was asked about in vain, and none since with success. */
static bool
has_failed(const struct reservation *r)
{
	const struct breaker *b;
	size_t i = 0;

	while ((b = next_breaker(r, &i)) != NULL)
		if (b->weight > 0)
			return true;
	return false;
}

bool
reservation_may_start(const struct reservation *r)
{
	const struct tenant_assigner *assigner = r->assigner;

	if (!assigner->wait_forever && assigner->active > 0 && has_failed(r))
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

void
reservation_done(struct reservation *r, enum reservation_result result)
{
	struct tenant_assigner *assigner = r->assigner;

	assigner->active--;
	(void)strmap_delete(&assigner->busy, r->chat, strlen(r->chat));
	end_reservation(r, result);
}

void
reservation_away(struct reservation *r)
{
	bool expired = reservation_is_expired(r);

	if (!r->assigner->wait_forever || stop_asked()) {
		reservation_done(r, RESERVATION_UNANSWERED);
	} else if (!expired) {
		reservation_wait(r);
	} else {
		if (r->unclear != NULL)
			reservation_warn(r, r->unclear);
		reservation_done(r, RESERVATION_FAILED);
	}
}

void
reservation_ask(struct reservation *r, struct crm_question *q)
{
	q->item = r->chat;
	q->urgent = true;
	fetch_ask(r->assigner->crm.fetch, q);
}

/* Nor is the chat that was asked about in vain asked about again. */
static bool
is_crm_away(const struct reservation *r)
{
	const struct breaker *b;
	size_t i = 0;

	while ((b = next_breaker(r, &i)) != NULL)
		if (breaker_is_open(b) || reservation_is_same(b->item, r->chat))
			return true;
	return false;
}

bool
reservation_give_up(struct reservation *r)
{
	const struct tenant_assigner *assigner = r->assigner;

	if (r->state != STATE_NONE || !is_crm_away(r))
		return false;
	/* One is asked about at a time, to notice that the CRM is back. */
	if (assigner->wait_forever &&
	    (assigner->active == 0 || !reservation_is_expired(r)))
		return false;
	end_reservation(r, assigner->wait_forever ? RESERVATION_FAILED
						  : RESERVATION_UNANSWERED);
	return true;
}

void
reservation_outcome(struct reservation *r, enum reservation_result result)
{
	struct buf *b = &r->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", r->assigner->crm.tenant->name);
	if (r->body.len > 0) {
		jsonw_members(b, r->body.data, r->body.len);
		if (r->assignee != NULL)
			jsonw_str(b, "operator", r->assignee);
	} else {
		jsonw_str(b, "chat", r->chat);
		jsonw_str(b, "status", record_status_name(CHAT_GONE));
	}
	jsonw_time(b, "at", r->asked_ms);
	if (r->closed_at != CLOCK_NONE)
		jsonw_time(b, "closed_at", r->closed_at);
	jsonw_str(b, "assignment", r->id);
	jsonw_close(b);
	reservation_done(r, result);
}

/* That the CRM does not answer is one thing to say, whatever the reason. */
bool
reservation_is_reported(
    const struct tenant_assigner *assigner, enum error_class error)
{
	return assigner->reported == error ||
	       (failure_passes(assigner->reported) && failure_passes(error));
}

void
reservation_report(struct tenant_assigner *assigner, enum error_class error,
    const char *what, const char *message)
{
	struct buf way = BUF_INIT;

	assigner->crm.code = failure_code(error, FAILURE_TENANT);
	if (reservation_is_reported(assigner, error))
		return;
	assigner->reported = error;
	assigner->cannot_give = false;
	failure_way_out(assigner->crm.tenant, error, &way);
	log_error("tenant %s: cannot %s: %s; %s", assigner->crm.tenant->name,
	    what, message,
	    assigner->wait_forever && failure_passes(error)
		? "it is tried again"
		: buf_str(&way));
	buf_release(&way);
}

void
reservation_wait(struct reservation *r)
{
	int64_t pause = retry_next(&r->retry, -1),
		left = reservation_give_ms(r);

	if (pause > RESERVATION_CAP_MS && pause > left)
		pause = left > RESERVATION_CAP_MS ? left : RESERVATION_CAP_MS;
	r->state = STATE_WAITING;
	r->due_ms = clock_mono_ms() + pause;
}

void
reservation_warn(const struct reservation *r, const char *why)
{
	log_warn("tenant %s: chat %s is not given to operator %s: %s",
	    r->assigner->crm.tenant->name, r->chat, r->operator_id, why);
}

void
reservation_start(struct reservation *r)
{
	struct tenant_assigner *assigner = r->assigner;
	const int64_t *asked =
	    strmap_get(&assigner->asked, r->chat, strlen(r->chat));

	assigner->active++;
	*strmap_put(&assigner->busy, r->chat, strlen(r->chat)) = r;
	/* After an outage many expired ones of a chat come at once: one reading
	 * is enough for all of them. */
	if (!assigner->timeless && asked != NULL && *asked >= r->expires)
		reservation_done(r, RESERVATION_EXPIRED);
	else
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
