/*
 * model_forget: erases a customer from the descriptions of a model that will
 * only be packed.
 */
#include "aggregator/model/model_pack.h"

#include "common/base/xalloc.h"

#include "aggregator/model/changes.h"

/* True if a description names the customer, or if none names any customer and
 * the order lists the chat. */
static bool
is_chat_of(
    const struct chat *c, uint32_t customer, const struct forget_order *o)
{
	const struct description *d;
	bool named = false;

	for (d = c->descriptions; d != NULL; d = d->next) {
		if (d->customer == customer)
			return true;
		named = named || d->customer != 0;
	}
	return !named && forget_order_has_chat(o, chat_id(c));
}

/* Returns true if there was something to drop. */
static bool
drop_personal(struct model *m, struct description *d)
{
	uint32_t *const names[] = { &d->customer_name, &d->customer_phone,
		&d->tag };
	bool any = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		any = any || *names[i] != 0;
		interner_drop(&m->lexicon.names, *names[i]);
		*names[i] = 0;
	}
	return any;
}

static bool
forget_in_chat(struct model *m, struct chat *c, uint32_t customer,
    const struct forget_order *o)
{
	struct description *d;
	bool any = false;

	for (d = c->descriptions; d != NULL; d = d->next) {
		if ((d->customer != 0 && d->customer != customer) ||
		    d->opened_at > o->asked_at)
			continue;
		any = drop_personal(m, d) || any;
	}
	return any;
}

size_t
model_forget_customer(struct model *m, const struct forget_order *o)
{
	uint32_t customer = interner_get(&m->lexicon.names, o->customer);
	struct chat *c;
	size_t i, n = 0;

	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (!is_chat_of(c, customer, o) ||
		    !forget_in_chat(m, c, customer, o))
			continue;
		touch_chat(m, c, false);
		n++;
	}
	interner_drop(&m->lexicon.names, customer);
	return n;
}
