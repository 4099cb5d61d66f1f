/*
 * eventcounter_forget: forgets customers, as orders in a folder of the state
 * ask (common/records/forget_order.h). The counter ends its run with all
 * committed; before the next one the state is rewritten with an alias in the
 * place of the customer's id, then the files, and the orders are removed.
 * Killed at any time, the orders are still there, or nothing of the customers
 * is.
 *
 * What they do later counts under the alias, too, so that no count starts over:
 * the state keeps a hash of the id for that, with its own secret seed.
 */
#include "aggregator/eventcounter/eventcounter_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/keyed_hash.h"

#include "aggregator/eventcounter/eventcounter_files.h"
#include "aggregator/model/model_pack.h"

#define LOOK_MS 1000
#define ALIASES "forgotten" /* a hash of an id -> its alias */

bool
counter_forget_look(struct counter *c)
{
	int64_t now = clock_mono_ms();

	if (c->state == NULL || now - c->looked_ms < LOOK_MS)
		return c->forgets;
	c->looked_ms = now;
	c->forgets = forget_orders_any(c->job->state, &c->unread);
	return c->forgets;
}

/* Whether the user of that order is one of this counter's. Of an operator with
 * the same id it has no alias. */
static bool
is_for(const struct counter *c, const struct forget_order *o)
{
	return o->alias.len > 0 && o->tenant.len == strlen(c->job->tenant) &&
	       memcmp(o->tenant.p, c->job->tenant, o->tenant.len) == 0;
}

static enum exit_code
note_aliases(struct counter *c, const struct state_identity *id, size_t limit)
{
	struct state *s =
	    state_open(c->job->state, id, limit, &c->code, &c->why);
	struct state_table *to;
	struct keyed_hash hash;
	uint64_t seed[2];
	size_t i;

	if (s == NULL)
		return c->code;
	state_seed(s, seed);
	to = state_table(s, ALIASES, STATE_BYTES);
	for (i = 0; i < c->orders.n && to != NULL; i++) {
		const struct forget_order *o = &c->orders.file[i].order;

		if (!is_for(c, o))
			continue;
		hash = keyed_hash(seed, o->customer.p, o->customer.len);
		state_put(to, &hash, sizeof hash, o->alias.p, o->alias.len);
	}
	c->code = state_commit(s, &c->why);
	state_close(s);
	return c->code;
}

/* A model_rename_fn: the alias of a user. */
static struct text
name_of_user(void *ctx, struct text user)
{
	const struct counter *c = ctx;
	const struct forget_order *o;
	size_t i;

	for (i = 0; i < c->orders.n; i++) {
		o = &c->orders.file[i].order;
		if (is_for(c, o) && text_compare(o->customer, user) == 0)
			return o->alias;
	}
	return user;
}

/* Adds the count to that of the alias, which may be there: of a customer who
 * was forgotten before. What is damaged stays what it is: counter_restore()
 * finds it. */
static void
copy_count(struct counter *c, struct state_table *to, const void *key,
    size_t key_len, const void *data, size_t len)
{
	struct buf new = BUF_INIT;
	struct text value = { data, len }, known = { NULL, 0 };
	const void *p;

	buf_clear(&c->text);
	if (model_rename_event(key, key_len, name_of_user, c, &new) == -1) {
		state_put(to, key, key_len, data, len);
	} else {
		if (state_get(to, new.data, new.len, &p, &known.len))
			known.p = p;
		if (known.p != NULL &&
		    model_add_event_counts(value, known, &c->text) == 0)
			value = (struct text){ c->text.data, c->text.len };
		state_put(to, new.data, new.len, value.p, value.len);
	}
	buf_release(&new);
}

static void
copy_run(struct counter *c, struct state_table *to, const void *key,
    size_t key_len, const void *data, size_t len)
{
	buf_clear(&c->text);
	if (model_rename_identities(data, len, name_of_user, c, &c->text) == -1)
		state_put(to, key, key_len, data, len);
	else
		state_put(to, key, key_len, c->text.data, c->text.len);
}

/* A state_copy_fn. */
static void
copy_by_alias(void *ctx, struct state_table *to, const char *name,
    const void *key, size_t key_len, const void *data, size_t len)
{
	if (strcmp(name, COUNTS) == 0)
		copy_count(ctx, to, key, key_len, data, len);
	else if (strcmp(name, SEEN) == 0)
		copy_run(ctx, to, key, key_len, data, len);
	else
		state_put(to, key, key_len, data, len);
}

enum exit_code
counter_forget_begin(
    struct counter *c, const struct state_identity *id, size_t limit)
{
	forget_orders_read(c->job->state, &c->unread, &c->orders);
	if (c->orders.n == 0)
		return PROG_OK;
	c->code = note_aliases(c, id, limit);
	if (c->code == PROG_OK)
		c->code = state_rewrite(
		    c->job->state, id, limit, copy_by_alias, c, &c->why);
	return c->code;
}

enum exit_code
counter_forget_end(struct counter *c)
{
	if (c->orders.n == 0)
		return PROG_OK;
	if (c->job->json_dir != NULL)
		files_clear(c->job->json_dir);
	if (counter_write_files(c) != OUTCOME_DONE)
		return c->code;
	c->code = forget_orders_finish(&c->orders, &c->why);
	if (c->code == PROG_OK)
		log_info("customers_forgotten", "customers=%zu", c->orders.n);
	else
		log_error("%s", buf_str(&c->why));
	return c->code;
}

static bool
load_alias(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct counter *c = ctx;
	void **alias = strmap_put(&c->aliases, key, key_len);

	free(*alias);
	*alias = xstrndup(data, len);
	return true;
}

void
counter_restore_aliases(struct counter *c)
{
	struct state_table *t = state_table(c->state, ALIASES, STATE_BYTES);

	state_seed(c->state, c->seed);
	if (!state_failed(c->state))
		state_each(t, NULL, 0, load_alias, c);
}

struct text
counter_user(const struct counter *c, struct text user)
{
	struct keyed_hash hash;
	const char *alias;

	if (c->aliases.live == 0)
		return user;
	hash = keyed_hash(c->seed, user.p, user.len);
	alias = strmap_get(&c->aliases, (const char *)&hash, sizeof hash);
	return alias != NULL ? (struct text){ alias, strlen(alias) } : user;
}
