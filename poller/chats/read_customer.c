/*
 * read_customer: see read_customer.h.
 */
#include "poller/chats/read_customer.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

/* How often a customer is queried whom the CRM cannot show. */
#define PERSON_AGAIN_MS (10 * MINUTE_MS)

static void
customer_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct polled_chat *c = ctx;

	(void)asked_ms;
	if (a->n > 0)
		polled_chat_set_text(&c->state.person, a->records[0].person);
}

/* If the CRM does not show the customer, an earlier name remains. */
static void
customer_end(void *ctx, const struct ending *e)
{
	struct polled_chat *c = ctx;
	struct chats *cs = c->chats;
	struct chat_state *s = &c->state;
	bool gone = e->error == ERROR_CLASS_GONE;
	bool failed = e->failure != FAILURE_NONE && !gone;

	if (e->failure == FAILURE_TENANT) {
		crm_session_fail(cs->crm, e->error, "customers", e->message);
		return;
	}
	if (gone)
		polled_chat_set_text(&s->person, "");
	if (failed && cs->unnamed++ == 0)
		cs->first_unnamed =
		    xasprintf("customer %s: %s", c->list.customer, e->message);
	if (e->asked) {
		s->person_failures = failed ? s->person_failures + 1 : 0;
		s->person_at = e->ended_ms;
		c->person_asked = true;
	}
	polled_chat_answered(c);
}

/* True if the customer need not be queried yet. Names are read again after a
 * day, or up to four hours earlier, so that not all customers are due in the
 * same minute. A customer whom the CRM could not show is queried again in the
 * next poll, and then every PERSON_AGAIN_MS: most faults are over by then, and
 * a customer who can never be shown does not cost a call in each poll. A time
 * more than a day ahead is from a wrong clock. */
static bool
is_person_fresh(const struct polled_chat *c)
{
	const struct chat_state *s = &c->state;
	int64_t ago = c->asked_ms - s->person_at, age = PERSON_AGAIN_MS;
	unsigned h = 0;
	const char *id;

	if (s->person_failures == 0) {
		for (id = c->list.customer; *id != '\0'; id++)
			h = h * 31 + (unsigned char)*id;
		age = DAY_MS - h % 240 * MINUTE_MS;
	}
	return s->person_failures != 1 && ago < age && ago >= -DAY_MS;
}

/* Forgets the name of an earlier customer: that of a chat may change. */
static void
forget_other_person(struct polled_chat *c)
{
	struct chat_state *s = &c->state;
	const char *id = c->list.customer;

	if (id == NULL || (s->customer != NULL && strcmp(s->customer, id) == 0))
		return;
	polled_chat_set_text(&s->customer, id);
	polled_chat_set_text(&s->person, "");
	s->person_at = 0;
	s->person_failures = 0;
}

void
read_customer(struct polled_chat *c)
{
	struct crm_session *crm = c->chats->crm;
	struct crm_question q = { .call = PROFILE_CUSTOMER,
		.item = c->list.customer,
		.tries = 2,
		.at_once = true,
		.weight = FAILURE_OTHER,
		.optional = true,
		.ctx = c,
		.page = customer_page,
		.end = customer_end };

	forget_other_person(c);
	if (!crm->tenant->customers || c->list.customer == NULL ||
	    is_person_fresh(c))
		return;
	q.with = json_pack("{s:s}", "customer", c->list.customer);
	c->waiting++;
	fetch_ask(crm->fetch, &q);
}
