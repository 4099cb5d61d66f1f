/*
 * promise: see promise.h. What is decided about a chat that was read; how it is
 * read: promise_read.c, how it is given: promise_give.c.
 */
#include "poller/promise_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/log.h"
#include "common/stop.h"
#include "common/xalloc.h"

/* Between tries of one promise. */
#define DELAY_BASE_MS 400
#define DELAY_CAP_MS 4000

const char *const promise_fate_names[PROMISE_FATES] = { "open", "kept",
	"confirmed", "taken", "over", "refused", "expired", "would", "left",
	"away" };

void
clerk_release(struct clerk *c)
{
	strmap_release(&c->busy, NULL);
	strmap_release(&c->asked, free);
	gifts_release(&c->gifts);
}

void
promise_init(struct promise *p, struct clerk *c, const struct record *r)
{
	*p = (struct promise){ .clerk = c,
		.id = text_dup(r->id),
		.chat = text_dup(r->chat),
		.operator_id = text_dup(r->operator_id),
		.replaces = text_dup(r->replaces),
		.expires = r->expires,
		.max_chats = r->max_chats,
		.retry = RETRY_INIT(DELAY_BASE_MS, DELAY_CAP_MS, -1) };
}

void
promise_release(struct promise *p)
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
now_of(const struct clerk *c)
{
	return skew_apply(c->skew, clock_now_ms());
}

static bool
is_expired(const struct promise *p)
{
	return !p->clerk->timeless && now_of(p->clerk) >= p->expires;
}

bool
promise_may_start(const struct promise *p)
{
	const struct clerk *c = p->clerk;

	return c->active < c->tenant->concurrency &&
	       strmap_get(&c->busy, p->chat, strlen(p->chat)) == NULL;
}

void
promise_done(struct promise *p, enum promise_fate fate)
{
	struct clerk *c = p->clerk;

	p->step = STEP_DONE;
	p->fate = fate;
	c->active--;
	(void)strmap_delete(&c->busy, p->chat, strlen(p->chat));
	log_info("promise", "tenant=%s chat=%s operator=%s fate=%s holder=%s",
	    c->tenant->name, p->chat, p->operator_id, promise_fate_names[fate],
	    p->holder != NULL ? p->holder : "-");
	c->done(c->ctx, p);
}

/* How the chat stands: as it was read, and whom the CRM named since. */
void
promise_outcome(struct promise *p, enum promise_fate fate)
{
	struct buf *b = &p->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", p->clerk->tenant->name);
	if (p->body.len > 0) {
		buf_addc(b, ',');
		buf_adds(b, buf_str(&p->body));
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
	promise_done(p, fate);
}

/* A trouble of the tenant is told once, until something works again. */
void
promise_tell(
    struct clerk *c, enum fault fault, const char *what, const char *message)
{
	struct buf way = BUF_INIT;

	c->code = fault_code(fault);
	if (c->told == fault)
		return;
	c->told = fault;
	fault_way_out(c->tenant, fault, &way);
	log_error("tenant %s: cannot %s: %s; %s", c->tenant->name, what,
	    message,
	    fault == FAULT_LATER || fault == FAULT_THROTTLED
		? "it is tried again"
		: buf_str(&way));
	buf_release(&way);
}

void
promise_wait(struct promise *p)
{
	p->step = STEP_WAITING;
	p->due_ms = clock_mono_ms() + retry_next(&p->retry, -1);
}

/* Only where the CRM lists the chats of one operator. */
static bool
must_list(const struct promise *p)
{
	return p->max_chats != RECORD_NO_NUMBER && !p->listed &&
	       profile_about(p->clerk->tenant->profile)->by_operator;
}

static bool
is_full(const struct promise *p)
{
	return p->listed &&
	       (int64_t)(p->held.live + gifts_since(&p->clerk->gifts,
					    p->operator_id, &p->held,
					    p->listed_ms)) >= p->max_chats;
}

/* The chat is free, or silent with whom it is taken from: give it now? */
static void
consider(struct promise *p)
{
	if (is_expired(p))
		promise_outcome(p, PROMISE_EXPIRED);
	else if (p->clerk->dry_run)
		promise_done(p, PROMISE_WOULD);
	else if (stop_asked())
		promise_done(p, PROMISE_AWAY);
	else if (must_list(p))
		promise_list(p);
	else if (is_full(p))
		promise_outcome(p, PROMISE_REFUSED);
	else
		promise_give(p);
}

/* The chat was read: what now? */
void
promise_decide(struct promise *p)
{
	if (p->status != CHAT_OPEN)
		promise_outcome(p, PROMISE_OVER);
	else if (promise_is_same(p->holder, p->operator_id))
		promise_outcome(p, p->tried ? PROMISE_KEPT : PROMISE_CONFIRMED);
	else if (p->holder != NULL && !promise_is_same(p->holder, p->replaces))
		promise_outcome(p, PROMISE_TAKEN);
	else if (p->taken && p->holder == NULL)
		promise_search(p, p->operator_id);
	else if (p->refused)
		promise_outcome(p, PROMISE_REFUSED);
	else
		consider(p);
}

void
promise_start(struct promise *p)
{
	struct clerk *c = p->clerk;
	const int64_t *asked = strmap_get(&c->asked, p->chat, strlen(p->chat));

	c->active++;
	*strmap_put(&c->busy, p->chat, strlen(p->chat)) = p;
	/* Of many that are old one reading tells it all. */
	if (!c->timeless && asked != NULL && *asked >= p->expires)
		promise_done(p, PROMISE_EXPIRED);
	else
		promise_read(p);
}

int64_t
promise_wake(struct promise *p, int64_t now_mono)
{
	if (p->step != STEP_WAITING)
		return INT64_MAX;
	if (p->due_ms > now_mono)
		return p->due_ms - now_mono;
	promise_read(p);
	return INT64_MAX;
}
