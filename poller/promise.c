/*
 * promise: see promise.h.
 */
#include "poller/promise.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/log.h"
#include "common/stop.h"
#include "common/xalloc.h"
#include "poller/fault.h"

/* Between tries of one promise. */
#define DELAY_BASE_MS 400
#define DELAY_CAP_MS 4000

/* Chats whose reading is remembered. */
#define ASKED_MAX 100000

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
	return now_of(p->clerk) >= p->expires;
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool
promise_may_start(const struct promise *p)
{
	const struct clerk *c = p->clerk;

	return c->active < c->tenant->concurrency &&
	       strmap_get(&c->busy, p->chat, strlen(p->chat)) == NULL;
}

static void
done(struct promise *p, enum promise_fate fate)
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
static void
outcome(struct promise *p, enum promise_fate fate)
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
	done(p, fate);
}

/* Somebody has the chat, and nobody knows who: no more than that the promise is
 * over. Without a time it is older than all that is known of the chat. */
static void
outcome_unknown(struct promise *p)
{
	struct buf *b = &p->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", p->clerk->tenant->name);
	jsonw_str(b, "chat", p->chat);
	jsonw_str(b, "assignment", p->id);
	jsonw_close(b);
	done(p, PROMISE_TAKEN);
}

/* A trouble of the tenant is told once, until something works again. */
static void
tell(struct clerk *c, enum fault fault, const char *what, const char *message)
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

static void
wait_a_bit(struct promise *p)
{
	p->step = STEP_WAITING;
	p->due_ms = clock_mono_ms() + retry_next(&p->retry, -1);
}

static void give(struct promise *p);
static void read_chat(struct promise *p);
static void search(struct promise *p, const char *whose);
static void list_chats(struct promise *p);

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
		outcome(p, PROMISE_EXPIRED);
	else if (p->clerk->dry_run)
		done(p, PROMISE_WOULD);
	else if (stop_asked())
		done(p, PROMISE_AWAY);
	else if (must_list(p))
		list_chats(p);
	else if (is_full(p))
		outcome(p, PROMISE_REFUSED);
	else
		give(p);
}

/* The chat was read: what now? */
static void
decide(struct promise *p)
{
	if (p->status != CHAT_OPEN)
		outcome(p, PROMISE_OVER);
	else if (is_same(p->holder, p->operator_id))
		outcome(p, p->tried ? PROMISE_KEPT : PROMISE_CONFIRMED);
	else if (p->holder != NULL && !is_same(p->holder, p->replaces))
		outcome(p, PROMISE_TAKEN);
	else if (p->taken && p->holder == NULL)
		search(p, p->operator_id);
	else if (p->refused)
		outcome(p, PROMISE_REFUSED);
	else
		consider(p);
}

/* What the page says of who has the chat stands in the record only. */
static void
note_holder(struct promise *p)
{
	struct buf line = BUF_INIT, why = BUF_INIT;
	struct flat flat = FLAT_INIT;
	struct record r;
	static const char padding[64];
	size_t len;

	buf_setf(&line, "{\"type\":\"chat\",\"tenant\":\"%s\",%s}",
	    p->clerk->tenant->name, buf_str(&p->body));
	len = line.len;
	buf_add(&line, padding, sizeof padding);
	free(p->holder);
	p->holder = NULL;
	if (record_parse(&r, &flat, line.data, len, &why) == 0 &&
	    r.operator_id.p != NULL)
		p->holder = text_dup(r.operator_id);
	flat_release(&flat);
	buf_release(&line);
	buf_release(&why);
}

static void
note_asked(struct promise *p)
{
	struct clerk *c = p->clerk;
	void **slot;

	if (c->asked.live >= ASKED_MAX) {
		strmap_release(&c->asked, free);
		c->asked = (struct strmap)STRMAP_INIT;
	}
	slot = strmap_put(&c->asked, p->chat, strlen(p->chat));
	if (*slot == NULL)
		*slot = xmalloc(sizeof(int64_t));
	*(int64_t *)*slot = p->asked_ms;
}

static void
chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct promise *p = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type != RECORD_CHAT || strcmp(r->id, p->chat) != 0)
			continue;
		buf_clear(&p->body);
		buf_adds(&p->body, r->body);
		p->status = r->status;
		p->closed_at = r->closed_at;
		p->taken = r->taken;
		p->asked_ms = asked_ms;
		note_holder(p);
		note_asked(p);
	}
}

/* A CRM that is away is waited for, unless nobody wants to. */
static void
read_failed(struct promise *p, const struct ending *e)
{
	struct clerk *c = p->clerk;
	bool away = e->fault == FAULT_LATER || e->fault == FAULT_THROTTLED;

	tell(c, e->fault, "read chats", e->message);
	if (!away)
		done(p, PROMISE_LEFT);
	else if (c->patient && !stop_asked())
		wait_a_bit(p);
	else
		done(p, PROMISE_AWAY);
}

static void
search_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct promise *p = ctx;
	size_t i;

	(void)asked_ms;
	for (i = 0; i < a->n && p->holder == NULL; i++) {
		if (a->records[i].type == RECORD_CHAT &&
		    strcmp(a->records[i].id, p->chat) == 0)
			p->holder = xstrdup(p->searched);
	}
}

static void
search_end(void *ctx, const struct ending *e)
{
	struct promise *p = ctx;

	if (e->fault != FAULT_NONE) {
		read_failed(p, e);
		return;
	}
	if (p->holder == NULL && p->replaces != NULL &&
	    p->searched == p->operator_id) {
		search(p, p->replaces);
		return;
	}
	if (p->holder == NULL) {
		outcome_unknown(p);
		return;
	}
	p->answer = xstrdup(p->holder);
	decide(p);
}

/* Somebody has the chat, and it does not say who: whether these. */
static void
search(struct promise *p, const char *whose)
{
	struct question q = { .call = PROFILE_CHATS,
		.operator_id = whose,
		.urgent = true,
		.ctx = p,
		.page = search_page,
		.end = search_end };

	p->searched = whose;
	fetch_ask(p->clerk->fetch, &q);
}

/* What the operator has. */
static void
list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct promise *p = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type != RECORD_CHAT || r->status != CHAT_OPEN)
			continue;
		*strmap_put(&p->held, r->id, strlen(r->id)) = p;
		buf_addf(&p->seen, "{\"type\":\"chat\",\"tenant\":\"%s\",%s",
		    p->clerk->tenant->name, r->body);
		jsonw_time(&p->seen, "at", asked_ms);
		jsonw_close(&p->seen);
		buf_addc(&p->seen, '\n');
	}
}

static void
list_end(void *ctx, const struct ending *e)
{
	struct promise *p = ctx;

	if (e->fault != FAULT_NONE) {
		read_failed(p, e);
		return;
	}
	p->listed = true;
	if (strmap_get(&p->held, p->chat, strlen(p->chat)) != NULL) {
		p->holder = xstrdup(p->operator_id);
		p->answer = xstrdup(p->operator_id);
	}
	decide(p);
}

static void
list_chats(struct promise *p)
{
	struct question q = { .call = PROFILE_CHATS,
		.operator_id = p->operator_id,
		.urgent = true,
		.ctx = p,
		.page = list_page,
		.end = list_end };

	p->listed_ms = clock_mono_ms();
	fetch_ask(p->clerk->fetch, &q);
}

/* Gone is said only when reading chats is known to work: an address that is
 * wrong must not look like a CRM from which everything was removed. */
static void
chat_gone(struct promise *p, const struct ending *e)
{
	if (p->clerk->proved) {
		p->asked_ms = e->ended_ms;
		note_asked(p);
		outcome(p, PROMISE_OVER);
		return;
	}
	tell(p->clerk, FAULT_GONE, "read chats", e->message);
	done(p, PROMISE_LEFT);
}

static void
chat_end(void *ctx, const struct ending *e)
{
	struct promise *p = ctx;
	struct clerk *c = p->clerk;

	switch (e->fault) {
	case FAULT_NONE:
		if (p->body.len == 0) {
			tell(c, FAULT_UNUSABLE, "read chats",
			    "the answer is about another chat");
			done(p, PROMISE_LEFT);
			return;
		}
		c->proved = true;
		c->told = FAULT_NONE;
		decide(p);
		return;
	case FAULT_GONE:
		chat_gone(p, e);
		return;
	case FAULT_LATER:
	case FAULT_THROTTLED:
	case FAULT_UNUSABLE:
	case FAULT_QUOTA:
	case FAULT_DENIED:
		read_failed(p, e);
		break;
	}
}

static void
read_chat(struct promise *p)
{
	struct question q = { .call = PROFILE_CHAT,
		.urgent = true,
		.ctx = p,
		.page = chat_page,
		.end = chat_end };

	buf_clear(&p->body);
	free(p->answer);
	p->answer = NULL;
	p->listed = false;
	strmap_release(&p->held, NULL);
	buf_clear(&p->seen);
	p->step = STEP_READING;
	q.chat = value_chat(p->chat);
	fetch_ask(p->clerk->fetch, &q);
	value_unref(q.chat);
}

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
	if (is_same(p->answer, p->operator_id)) {
		outcome(p, PROMISE_KEPT);
		return;
	}
	log_warn("tenant %s: chat %s was to be given to operator %s; the CRM "
		 "says that %s%s has it",
	    c->tenant->name, p->chat, p->operator_id,
	    p->answer != NULL ? "operator " : "nobody",
	    p->answer != NULL ? p->answer : "");
	outcome(p, p->answer != NULL ? PROMISE_TAKEN : PROMISE_REFUSED);
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
		tell(c, FAULT_UNUSABLE, "give chats to operators",
		    "its profile has no request for that");
		done(p, PROMISE_LEFT);
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
		wait_a_bit(p);
		return;
	}
	if (e->fault == FAULT_DENIED || e->fault == FAULT_QUOTA) {
		tell(c, e->fault, "give chats to operators", e->message);
		done(p, PROMISE_LEFT);
		return;
	}
	log_warn("tenant %s: chat %s is not given to operator %s: %s",
	    c->tenant->name, p->chat, p->operator_id, e->message);
	p->refused = true;
	read_chat(p);
}

/* Asked once, and not when the promise is over meanwhile. */
static void
give(struct promise *p)
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

void
promise_start(struct promise *p)
{
	struct clerk *c = p->clerk;
	const int64_t *asked = strmap_get(&c->asked, p->chat, strlen(p->chat));

	c->active++;
	*strmap_put(&c->busy, p->chat, strlen(p->chat)) = p;
	/* Of many that are old one reading tells it all. */
	if (asked != NULL && *asked >= p->expires)
		done(p, PROMISE_EXPIRED);
	else
		read_chat(p);
}

int64_t
promise_wake(struct promise *p, int64_t now_mono)
{
	if (p->step != STEP_WAITING)
		return INT64_MAX;
	if (p->due_ms > now_mono)
		return p->due_ms - now_mono;
	read_chat(p);
	return INT64_MAX;
}
