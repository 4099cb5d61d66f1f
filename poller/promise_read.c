/*
 * promise_read: asks the CRM how the chat of a promise stands: the chat itself;
 * where that does not say who has it, the lists of those who may; and before
 * it is given away, what the operator has.
 */
#include "poller/promise_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/stop.h"
#include "common/xalloc.h"

/* Chats whose reading is remembered. */
#define ASKED_MAX 100000

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

	promise_tell(c, e->fault, "read chats", e->message);
	if (!away)
		promise_done(p, PROMISE_LEFT);
	else if (c->patient && !stop_asked())
		promise_wait(p);
	else
		promise_done(p, PROMISE_AWAY);
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
	promise_done(p, PROMISE_TAKEN);
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
		promise_search(p, p->replaces);
		return;
	}
	if (p->holder == NULL) {
		outcome_unknown(p);
		return;
	}
	p->answer = xstrdup(p->holder);
	promise_decide(p);
}

/* Somebody has the chat, and it does not say who: whether these. */
void
promise_search(struct promise *p, const char *whose)
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
	promise_decide(p);
}

void
promise_list(struct promise *p)
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
		promise_outcome(p, PROMISE_OVER);
		return;
	}
	promise_tell(p->clerk, FAULT_GONE, "read chats", e->message);
	promise_done(p, PROMISE_LEFT);
}

static void
chat_end(void *ctx, const struct ending *e)
{
	struct promise *p = ctx;
	struct clerk *c = p->clerk;

	switch (e->fault) {
	case FAULT_NONE:
		if (p->body.len == 0) {
			promise_tell(c, FAULT_UNUSABLE, "read chats",
			    "the answer is about another chat");
			promise_done(p, PROMISE_LEFT);
			return;
		}
		c->proved = true;
		c->told = FAULT_NONE;
		promise_decide(p);
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

void
promise_read(struct promise *p)
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
