/*
 * customers: see customers.h. An entry of the state consists of the time of the
 * question, the number of failed questions in a row, and the members of the
 * record.
 */
#include "poller/chats/customers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#define LAYOUT 3

#define AGE_MS DAY_MS

/* The customer of an open chat is queried again after AGE_MS; an entry that has
 * not been renewed for twice that time is deleted. An entry more than AGE_MS in
 * the future is from a wrong clock; it counts as old, because otherwise it
 * would stay until then. */
#define KEEP_MS (2 * AGE_MS)

/* A customer whom the CRM could not show is queried again in the next poll, and
 * then every AGAIN_MS. Most faults are over by then, and a customer who can
 * never be shown does not cost a call in each poll. */
#define AGAIN_MS (10 * MINUTE_MS)

struct waiter {
	void (*known)(void *waiter, const char *person);
	void *ctx;
};

struct customer {
	struct customers *all;
	char *id;
	char *person;      /* NULL if not known yet */
	char *older;       /* from the state, outdated; or NULL */
	uint64_t failures; /* failed questions in a row */
	struct waiter *waiters;
	size_t n, cap;
};

static void
free_customer_entry(void *v)
{
	struct customer *c = v;

	free(c->id);
	free(c->person);
	free(c->older);
	free(c->waiters);
	free(c);
}

void
customers_release(struct customers *c)
{
	strmap_release(&c->all, free_customer_entry);
	free(c->first_failure);
}

struct stored_customer {
	int64_t asked_ms;
	uint64_t failures;
	const char *person; /* borrowed */
};

/* Returns -1 if the entry is damaged. */
static int
unpack_stored_customer(const void *data, size_t len, struct stored_customer *to)
{
	struct pack r = pack_open(data, len, LAYOUT);
	size_t n;

	to->asked_ms = pack_signed(&r);
	to->failures = pack_number(&r);
	to->person = pack_string(&r, &n);
	return pack_end(&r);
}

static void
keep_customer(struct customer *c, int64_t asked_ms)
{
	struct buf b = BUF_INIT;

	if (c->all->crm->store == NULL)
		return;
	pack_put_number(&b, LAYOUT);
	pack_put_signed(&b, asked_ms);
	pack_put_number(&b, c->failures);
	pack_put_string(&b, c->person);
	store_put(c->all->crm->store, STORE_CUSTOMERS, c->id, b.data, b.len);
	buf_release(&b);
}

static void
customer_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct customer *c = ctx;

	if (a->n == 0 || c->person != NULL)
		return;
	c->person = xstrdup(a->records[0].person);
	c->failures = 0;
	keep_customer(c, asked_ms);
}

/* The age at which this customer is queried again. The age varies by up to a
 * sixth, so that not all customers are due in the same minute. */
static int64_t
age_of(const char *id)
{
	unsigned h = 0;

	for (; *id != '\0'; id++)
		h = h * 31 + (unsigned char)*id;
	return AGE_MS - h % 240 * MINUTE_MS;
}

/* Passes the person to all waiting chats. For a customer who could not be read,
 * this is the earlier name, if any. */
static void
deliver_customer(struct customer *c)
{
	size_t i;

	if (c->person == NULL)
		c->person = xstrdup(c->older != NULL ? c->older : "");
	for (i = 0; i < c->n; i++)
		c->waiters[i].known(c->waiters[i].ctx, c->person);
	c->n = 0;
}

static void
customer_end(void *ctx, const struct ending *e)
{
	struct customer *c = ctx;
	struct customers *all = c->all;
	bool failed =
	    e->failure != FAILURE_NONE && e->error != ERROR_CLASS_GONE;

	if (e->failure == FAILURE_TENANT) {
		crm_session_fail(all->crm, e->error, "customers", e->message);
		return;
	}
	if (c->person == NULL && e->error == ERROR_CLASS_GONE) {
		c->person = xstrdup("");
		c->failures = 0;
		keep_customer(c, e->ended_ms);
	}
	deliver_customer(c);
	if (!failed)
		return;
	all->failed++;
	if (all->first_failure == NULL)
		all->first_failure =
		    xasprintf("customer %s: %s", c->id, e->message);
	if (e->asked) {
		c->failures++;
		keep_customer(c, e->ended_ms);
	}
}

static void
ask_customer(struct customer *c)
{
	struct crm_question q = { .call = PROFILE_CUSTOMER,
		.item = c->id,
		.with = json_pack("{s:s}", "customer", c->id),
		.tries = 2,
		.at_once = true,
		.weight = FAILURE_OTHER,
		.optional = true,
		.ctx = c,
		.page = customer_page,
		.end = customer_end };

	fetch_ask(c->all->crm->fetch, &q);
}

static bool
is_fresh(const char *id, const struct stored_customer *s, int64_t now)
{
	int64_t age = s->failures == 0 ? age_of(id) : AGAIN_MS;

	return s->failures != 1 && now - s->asked_ms < age &&
	       s->asked_ms <= now + AGE_MS;
}

static bool
load_customer(struct customer *c, int64_t now)
{
	struct stored_customer stored;
	const void *data;
	size_t len;

	if (c->all->crm->store == NULL ||
	    !store_get(
		c->all->crm->store, STORE_CUSTOMERS, c->id, &data, &len) ||
	    unpack_stored_customer(data, len, &stored) == -1)
		return false;
	c->failures = stored.failures;
	if (is_fresh(c->id, &stored, now))
		c->person = xstrdup(stored.person);
	else
		c->older = xstrdup(stored.person);
	return c->person != NULL;
}

static struct customer *
add_customer(struct customers *all, const char *id, int64_t now)
{
	struct customer *c = xcalloc(1, sizeof *c);

	c->all = all;
	c->id = xstrdup(id);
	if (!load_customer(c, now))
		ask_customer(c);
	return c;
}

const char *
customers_get(struct customers *all, const char *id, int64_t now_ms,
    void (*known)(void *waiter, const char *person), void *waiter)
{
	void **slot = strmap_put(&all->all, id, strlen(id));
	struct customer *c;

	if (*slot == NULL)
		*slot = add_customer(all, id, now_ms);
	c = *slot;
	if (c->person != NULL)
		return c->person;
	XGROW(c->waiters, c->n, c->cap);
	c->waiters[c->n++] = (struct waiter){ known, waiter };
	return NULL;
}

struct customer_expiry {
	struct store *store;
	int64_t oldest_ms, newest_ms;
};

/* Damaged entries are deleted, too. */
static void
drop_old_customer(void *ctx, const char *key, const void *data, size_t len)
{
	struct customer_expiry *f = ctx;
	struct stored_customer stored;

	if (unpack_stored_customer(data, len, &stored) == -1 ||
	    stored.asked_ms < f->oldest_ms || stored.asked_ms > f->newest_ms)
		store_delete(f->store, STORE_CUSTOMERS, key);
}

void
customers_drop_old(struct store *s, int64_t now_ms)
{
	struct customer_expiry f = { s, now_ms - KEEP_MS, now_ms + AGE_MS };

	store_each(s, STORE_CUSTOMERS, drop_old_customer, &f);
}
