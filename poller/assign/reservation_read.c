/*
 * reservation_read: asks the CRM how the chat of a reservation stands: the chat
 * itself; where that does not say who has it, the lists of those who may; and
 * before it is given away, what the operator has.
 */
#include "poller/assign/reservation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* Chats whose reading is remembered. */
#define ASKED_MAX 100000

/* Instead of whoever was named there before. */
static void
name(char **operator_id, const char *now)
{
	free(*operator_id);
	*operator_id = xstrdup(now);
}

/* A record of the chat that has these members, not yet closed. */
static void
open_chat(struct buf *b, const struct reservation *p, const char *members)
{
	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", p->assigner->tenant->name);
	jsonw_members(b, members, strlen(members));
}

/* What the page says of who has the chat stands in the record only. */
static void
note_holder(struct reservation *p)
{
	struct buf line = BUF_INIT, why = BUF_INIT;
	struct flat flat = FLAT_INIT;
	struct record r;
	static const char padding[64];
	size_t len;

	open_chat(&line, p, buf_str(&p->body));
	jsonw_close(&line);
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
note_asked(struct reservation *p)
{
	struct tenant_assigner *c = p->assigner;
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
	struct reservation *p = ctx;
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
read_failed(struct reservation *p, const struct ending *e)
{
	struct tenant_assigner *c = p->assigner;
	bool away =
	    e->fault == ERROR_CLASS_LATER || e->fault == ERROR_CLASS_THROTTLED;

	reservation_tell(c, e->fault, "read chats", e->message);
	if (!away)
		reservation_done(p, RESERVATION_LEFT);
	else if (c->wait_forever && !stop_asked())
		reservation_wait(p);
	else
		reservation_done(p, RESERVATION_AWAY);
}

/* Somebody has the chat, and nobody knows who: no more than that the
 * reservation is over. Without a time it is older than all that is known of the
 * chat. */
static void
outcome_unknown(struct reservation *p)
{
	struct buf *b = &p->outcome;

	jsonw_open(b);
	jsonw_str(b, "type", "chat");
	jsonw_str(b, "tenant", p->assigner->tenant->name);
	jsonw_str(b, "chat", p->chat);
	jsonw_str(b, "assignment", p->id);
	jsonw_close(b);
	reservation_done(p, RESERVATION_TAKEN);
}

/* In whose list the chat is looked for; NULL: in that of chats which nobody
 * has. */
static const char *
searched(const struct reservation *p)
{
	if (p->step == STEP_SEEKING_FREE)
		return NULL;
	return p->step == STEP_SEARCHING || p->step == STEP_SEEKING
		   ? p->operator_id
		   : p->replaces;
}

static void
search_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *p = ctx;
	size_t i;

	(void)asked_ms;
	for (i = 0; i < a->n && p->holder == NULL; i++) {
		if (a->records[i].type == RECORD_CHAT &&
		    strcmp(a->records[i].id, p->chat) == 0)
			name(&p->holder, searched(p));
	}
}

static void
search_end(void *ctx, const struct ending *e)
{
	struct reservation *p = ctx;

	if (e->fault != ERROR_CLASS_NONE) {
		read_failed(p, e);
		return;
	}
	if (p->holder == NULL && p->replaces != NULL &&
	    p->step == STEP_SEARCHING) {
		reservation_search(p, STEP_SEARCHING_REPLACED);
		return;
	}
	if (p->holder == NULL) {
		outcome_unknown(p);
		return;
	}
	name(&p->answer, p->holder);
	reservation_decide(p);
}

/* Somebody has the chat, and it does not say who: whether these. */
void
reservation_search(struct reservation *p, enum reservation_step whose)
{
	struct question q = { .call = PROFILE_CHATS,
		.urgent = true,
		.ctx = p,
		.page = search_page,
		.end = search_end };

	reservation_go(p, whose);
	q.operator_id = searched(p);
	fetch_ask(p->assigner->fetch, &q);
}

/* What the operator has. */
static void
list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *p = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type != RECORD_CHAT || r->status != CHAT_OPEN)
			continue;
		*strmap_put(&p->held, r->id, strlen(r->id)) = p;
		open_chat(&p->seen, p, r->body);
		jsonw_time(&p->seen, "at", asked_ms);
		jsonw_line(&p->seen);
	}
}

static void
list_end(void *ctx, const struct ending *e)
{
	struct reservation *p = ctx;

	if (e->fault != ERROR_CLASS_NONE) {
		read_failed(p, e);
		return;
	}
	if (strmap_get(&p->held, p->chat, strlen(p->chat)) != NULL) {
		/* Whom the operator takes over from had it a moment ago. */
		name(&p->holder, p->operator_id);
		name(&p->answer, p->operator_id);
	}
	reservation_decide(p);
}

void
reservation_list(struct reservation *p)
{
	struct question q = { .call = PROFILE_CHATS,
		.operator_id = p->operator_id,
		.urgent = true,
		.ctx = p,
		.page = list_page,
		.end = list_end };

	reservation_go(p, STEP_LISTING);
	p->listed_ms = clock_mono_ms();
	fetch_ask(p->assigner->fetch, &q);
}

/* The list after this one in which a chat that is not gone would be; DONE:
 * there is none. */
static enum reservation_step
next_list(const struct reservation *p)
{
	if (!profile_about(p->assigner->tenant->profile)->by_operator)
		return STEP_DONE;
	if (p->step == STEP_SEEKING_FREE)
		return STEP_SEEKING;
	if (p->step == STEP_SEEKING && p->replaces != NULL)
		return STEP_SEEKING_REPLACED;
	return STEP_DONE;
}

static void
missed_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct reservation *p = ctx;
	size_t i;

	(void)asked_ms;
	for (i = 0; i < a->n; i++)
		p->missed |= a->records[i].type == RECORD_CHAT &&
			     strcmp(a->records[i].id, p->chat) == 0;
}

static void seek(struct reservation *p, enum reservation_step where);

static void
missed_end(void *ctx, const struct ending *e)
{
	struct reservation *p = ctx;

	if (e->fault != ERROR_CLASS_NONE) {
		read_failed(p, e);
	} else if (p->missed) {
		reservation_tell(p->assigner, ERROR_CLASS_GONE, "read chats",
		    "one that is listed is not found");
		reservation_done(p, RESERVATION_LEFT);
	} else if (next_list(p) != STEP_DONE) {
		seek(p, next_list(p));
	} else {
		note_asked(p);
		reservation_outcome(p, RESERVATION_OVER);
	}
}

static void
seek(struct reservation *p, enum reservation_step where)
{
	struct question q = { .call = PROFILE_CHATS,
		.urgent = true,
		.ctx = p,
		.page = missed_page,
		.end = missed_end };

	reservation_go(p, where);
	q.operator_id = searched(p);
	fetch_ask(p->assigner->fetch, &q);
}

/* One answer like that may be a mistake, and an address that is wrong must not
 * look like a CRM from which everything was removed: so gone is what is not
 * found a while later either, and is in no list. Once the lists have shown that
 * such answers are wrong, they are not asked again until a chat can be read. */
static void
chat_missing(struct reservation *p, const struct ending *e)
{
	if (p->assigner->told == ERROR_CLASS_GONE) {
		reservation_done(p, RESERVATION_LEFT);
	} else if (!p->missing) {
		p->missing = true;
		reservation_wait(p);
	} else {
		p->asked_ms = e->ended_ms;
		p->missed = false;
		seek(p, STEP_SEEKING_FREE);
	}
}

static void
chat_end(void *ctx, const struct ending *e)
{
	struct reservation *p = ctx;
	struct tenant_assigner *c = p->assigner;

	switch (e->fault) {
	case ERROR_CLASS_NONE:
		if (p->body.len == 0) {
			reservation_tell(c, ERROR_CLASS_UNUSABLE, "read chats",
			    "the answer is about another chat");
			reservation_done(p, RESERVATION_LEFT);
			return;
		}
		p->missing = false;
		c->told = ERROR_CLASS_NONE;
		reservation_decide(p);
		return;
	case ERROR_CLASS_GONE:
		chat_missing(p, e);
		return;
	case ERROR_CLASS_LATER:
	case ERROR_CLASS_THROTTLED:
	case ERROR_CLASS_UNUSABLE:
	case ERROR_CLASS_QUOTA:
	case ERROR_CLASS_DENIED:
		read_failed(p, e);
		break;
	}
}

void
reservation_read(struct reservation *p)
{
	struct question q = { .call = PROFILE_CHAT,
		.urgent = true,
		.ctx = p,
		.page = chat_page,
		.end = chat_end };

	buf_clear(&p->body);
	free(p->answer);
	p->answer = NULL;
	strmap_release(&p->held, NULL);
	buf_clear(&p->seen);
	reservation_go(p, STEP_READING);
	q.chat = value_chat(p->chat);
	fetch_ask(p->assigner->fetch, &q);
	value_unref(q.chat);
}
