/*
 * reservation: see reservation.h. What is decided about a chat that was read;
 * how it is read: reservation_read.c, how it is given: reservation_give.c.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* Between tries of one reservation. */
#define DELAY_BASE_MS 400
#define DELAY_CAP_MS 4000

const char *const reservation_fate_names[RESERVATION_FATES] = { "open", "kept",
	"confirmed", "taken", "over", "refused", "expired", "would", "left",
	"away" };

void
tenant_assigner_release(struct tenant_assigner *c)
{
	strmap_release(&c->busy, NULL);
	strmap_release(&c->asked, free);
	recent_assignments_release(&c->recent);
}

void
reservation_init(
    struct reservation *p, struct tenant_assigner *c, const struct record *r)
{
	*p = (struct reservation){ .assigner = c,
		.id = text_dup(r->id),
		.chat = text_dup(r->chat),
		.operator_id = text_dup(r->operator_id),
		.replaces = text_dup(r->replaces),
		.expires = r->expires,
		.max_chats = r->max_chats,
		.retry = RETRY_INIT(DELAY_BASE_MS, DELAY_CAP_MS, -1) };
}

void
reservation_release(struct reservation *p)
{
	free(p->id);
	free(p->chat);
	free(p->operator_id);
	free(p->replaces);
	free(p->holder);
	free(p->answer);
	buf_release(&p->outcome);
	buf_release(&p->seen);
	buf_release(&p->body);
	strmap_release(&p->held, NULL);
}

/* Now, by the CRM's clock. */
static int64_t
now_of(const struct tenant_assigner *c)
{
	return skew_apply(c->skew, clock_now_ms());
}

static bool
is_expired(const struct reservation *p)
{
	return !p->assigner->timeless && now_of(p->assigner) >= p->expires;
}

bool
reservation_may_start(const struct reservation *p)
{
	const struct tenant_assigner *c = p->assigner;

	return c->active < c->tenant->concurrency &&
	       strmap_get(&c->busy, p->chat, strlen(p->chat)) == NULL;
}

void
reservation_go(struct reservation *p, enum reservation_step to)
{
	if (!reservation_may_follow(p->step, to))
		prog_die(PROG_SOFTWARE,
		    "assignment '%s' cannot go on: step %d after step %d; this "
		    "is a mistake in the program",
		    p->id, (int)to, (int)p->step);
	p->step = to;
}

void
reservation_done(struct reservation *p, enum reservation_fate fate)
{
	struct tenant_assigner *c = p->assigner;

	reservation_go(p, STEP_DONE);
	p->fate = fate;
	c->active--;
	(void)strmap_delete(&c->busy, p->chat, strlen(p->chat));
	log_info("reservation",
	    "tenant=%s chat=%s operator=%s fate=%s holder=%s", c->tenant->name,
	    p->chat, p->operator_id, reservation_fate_names[fate],
	    p->holder != NULL ? p->holder : "-");
	c->done(c->ctx, p);
}

/* How the chat stands: as it was read, and whom the CRM named since. */
void
reservation_outcome(struct reservation *p, enum reservation_fate fate)
{
	struct buf *b = &p->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", p->assigner->tenant->name);
	if (p->body.len > 0) {
		jsonw_members(b, p->body.data, p->body.len);
	} else {
		jsonw_str(b, "chat", p->chat);
		jsonw_str(b, "status", record_status_name(CHAT_GONE));
	}
	if (p->answer != NULL)
		jsonw_str(b, "operator", p->answer);
	jsonw_time(b, "at", p->asked_ms);
	if (p->closed_at != CLOCK_NONE)
		jsonw_time(b, "closed_at", p->closed_at);
	jsonw_str(b, "assignment", p->id);
	jsonw_close(b);
	reservation_done(p, fate);
}

/* A trouble of the tenant is told once, until something works again. */
void
reservation_tell(struct tenant_assigner *c, enum error_class fault,
    const char *what, const char *message)
{
	struct buf way = BUF_INIT;

	c->code = error_class_code(fault);
	if (c->told == fault)
		return;
	c->told = fault;
	error_class_way_out(c->tenant, fault, &way);
	log_error("tenant %s: cannot %s: %s; %s", c->tenant->name, what,
	    message,
	    fault == ERROR_CLASS_LATER || fault == ERROR_CLASS_THROTTLED
		? "it is tried again"
		: buf_str(&way));
	buf_release(&way);
}

void
reservation_wait(struct reservation *p)
{
	reservation_go(p, STEP_WAITING);
	p->due_ms = clock_mono_ms() + retry_next(&p->retry, -1);
}

/* Only where the CRM lists the chats of one operator. */
static bool
must_list(const struct reservation *p)
{
	return p->max_chats != RECORD_NO_NUMBER && p->step != STEP_LISTING &&
	       profile_about(p->assigner->tenant->profile)->by_operator;
}

static bool
is_full(const struct reservation *p)
{
	return p->step == STEP_LISTING &&
	       (int64_t)(p->held.live +
			 recent_assignments_since(&p->assigner->recent,
			     p->operator_id, &p->held, p->listed_ms)) >=
		   p->max_chats;
}

/* The chat is free, or silent with whom it is taken from: give it now? */
static void
consider(struct reservation *p)
{
	if (is_expired(p))
		reservation_outcome(p, RESERVATION_EXPIRED);
	else if (p->assigner->dry_run)
		reservation_done(p, RESERVATION_WOULD);
	else if (stop_asked())
		reservation_done(p, RESERVATION_AWAY);
	else if (must_list(p))
		reservation_list(p);
	else if (is_full(p))
		reservation_outcome(p, RESERVATION_REFUSED);
	else
		reservation_give(p);
}

/* The chat was read: what now? */
void
reservation_decide(struct reservation *p)
{
	if (p->status != CHAT_OPEN)
		reservation_outcome(p, RESERVATION_OVER);
	else if (reservation_is_same(p->holder, p->operator_id))
		reservation_outcome(p, p->giving != GIVING_NONE
					   ? RESERVATION_KEPT
					   : RESERVATION_CONFIRMED);
	else if (p->holder != NULL &&
		 !reservation_is_same(p->holder, p->replaces))
		reservation_outcome(p, RESERVATION_TAKEN);
	else if (p->taken && p->holder == NULL)
		reservation_search(p, STEP_SEARCHING);
	else if (p->giving == GIVING_REFUSED)
		reservation_outcome(p, RESERVATION_REFUSED);
	else
		consider(p);
}

void
reservation_start(struct reservation *p)
{
	struct tenant_assigner *c = p->assigner;
	const int64_t *asked = strmap_get(&c->asked, p->chat, strlen(p->chat));

	c->active++;
	*strmap_put(&c->busy, p->chat, strlen(p->chat)) = p;
	/* Of many that are old one reading tells it all. */
	if (!c->timeless && asked != NULL && *asked >= p->expires)
		reservation_done(p, RESERVATION_EXPIRED);
	else
		reservation_read(p);
}

int64_t
reservation_wake(struct reservation *p, int64_t now_mono)
{
	if (p->step != STEP_WAITING)
		return INT64_MAX;
	if (p->due_ms > now_mono)
		return p->due_ms - now_mono;
	reservation_read(p);
	return INT64_MAX;
}
