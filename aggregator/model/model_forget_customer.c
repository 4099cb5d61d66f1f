/*
 * model_forget_customer: a packed chat without what identifies a customer; see
 * model_pack.h.
 */
#include "aggregator/model/model_impl.h"
#include "aggregator/model/model_pack.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

/* The texts of a description, in the order in which they are packed. */
enum { ASSIGNEE, CHANNEL, CUSTOMER, NAME, PHONE, TAG, TAGS, TEXTS };

struct described {
	int64_t opened_at, closed_at;
	uint64_t status;
	struct text v[TEXTS];
};

/* Whose each description is, the newest first. */
struct owners {
	struct text *v;
	size_t n, cap;
};

/* One whose time was read. */
static void
read_description(struct pack *r, struct described *d)
{
	size_t i;

	*d = (struct described){ .status = 0 };
	d->opened_at = pack_signed(r);
	d->closed_at = pack_signed(r);
	d->status = pack_number(r);
	for (i = 0; i < TEXTS; i++)
		d->v[i] = pack_text(r);
}

static void
put_packed_description(const struct described *d, struct buf *to)
{
	size_t i;

	pack_put_signed(to, d->opened_at);
	pack_put_signed(to, d->closed_at);
	pack_put_number(to, d->status);
	for (i = 0; i < TEXTS; i++)
		pack_put_text(to, d->v[i]);
}

static void
read_customers(struct pack r, uint64_t n, struct owners *o)
{
	struct described d;
	uint64_t repeats;

	for (; n > 0 && !r.bad; n--) {
		if (pack_signed(&r) == DESCRIPTION_REPEATS) {
			for (repeats = pack_count(&r, 1); repeats > 0;
			     repeats--)
				(void)pack_number(&r);
			continue;
		}
		read_description(&r, &d);
		XGROW(o->v, o->n, o->cap);
		o->v[o->n++] = d.v[CUSTOMER];
	}
}

/* A description without a customer goes on with the one of an older one, as
 * chats_describe() has it; what came before any belongs to the first. */
static void
fill_owners(struct owners *o)
{
	size_t i;

	for (i = o->n; i-- > 1;)
		if (o->v[i - 1].p == NULL)
			o->v[i - 1] = o->v[i];
	for (i = 1; i < o->n; i++)
		if (o->v[i].p == NULL)
			o->v[i] = o->v[i - 1];
}

/* A chat that names no customer is theirs if the order has it. */
static void
own_chat(struct owners *owners, struct text chat, const struct forget_order *o)
{
	size_t i;

	if (owners->n == 0 || owners->v[0].p != NULL ||
	    !forget_order_has_chat(o, chat))
		return;
	for (i = 0; i < owners->n; i++)
		owners->v[i] = o->customer;
}

/* They are what is left of the one that they repeat. */
static void
copy_repeats(struct pack *r, struct buf *to)
{
	uint64_t n = pack_count(r, 1);

	pack_put_number(to, n);
	for (; n > 0; n--)
		pack_put_number(to, pack_number(r));
}

/* True when it had something of the customer whose it is. */
static bool
forget_in_description(
    struct described *d, struct text owner, const struct forget_order *o)
{
	if (text_compare(owner, o->customer) != 0 ||
	    (d->opened_at != CLOCK_NONE && d->opened_at > o->asked_at) ||
	    (d->v[NAME].p == NULL && d->v[PHONE].p == NULL &&
		d->v[TAG].p == NULL))
		return false;
	d->v[NAME] = d->v[PHONE] = d->v[TAG] = (struct text){ NULL, 0 };
	return true;
}

/* True when one had something of them. */
static bool
copy_packed_descriptions(struct pack *r, struct text chat,
    const struct forget_order *o, struct buf *to)
{
	uint64_t n = pack_number(r);
	struct owners owners = { NULL, 0, 0 };
	struct described d;
	bool any = false;
	size_t i = 0;
	int64_t at;

	pack_put_number(to, n);
	read_customers(*r, n, &owners);
	fill_owners(&owners);
	own_chat(&owners, chat, o);
	for (; n > 0 && !r->bad; n--) {
		at = pack_signed(r);
		pack_put_signed(to, at);
		if (at == DESCRIPTION_REPEATS) {
			copy_repeats(r, to);
			continue;
		}
		read_description(r, &d);
		if (!r->bad && i < owners.n &&
		    forget_in_description(&d, owners.v[i++], o))
			any = true;
		put_packed_description(&d, to);
	}
	free(owners.v);
	return any;
}

bool
model_forget_customer(
    const void *p, size_t len, const struct forget_order *o, struct buf *to)
{
	struct pack r = pack_open(p, len, LAYOUT_CHAT);
	struct text id = pack_text(&r);
	bool any;

	pack_put_number(to, LAYOUT_CHAT);
	pack_put_text(to, id);
	any = copy_packed_descriptions(&r, id, o, to);
	if (!r.bad)
		buf_add(to, (const char *)r.p, (size_t)(r.end - r.p));
	return any && !r.bad;
}

int
model_rename_event(const void *key, size_t len, model_rename_fn *rename,
    void *ctx, struct buf *to)
{
	struct pack r = pack_open_bare(key, len);
	struct text user = pack_text(&r), event = pack_text(&r);

	if (pack_end(&r) == -1 || user.p == NULL)
		return -1;
	pack_put_text(to, rename(ctx, user));
	pack_put_text(to, event);
	return 0;
}

/* As put_fresh() in model_pack.c. */
int
model_rename_identities(const void *p, size_t len, model_rename_fn *rename,
    void *ctx, struct buf *to)
{
	struct pack r = pack_open(p, len, LAYOUT_IDENTITIES);
	struct text user;
	uint64_t a, b;

	pack_put_number(to, LAYOUT_IDENTITIES);
	while (pack_more(&r)) {
		a = pack_fixed(&r);
		b = pack_fixed(&r);
		pack_put_fixed(to, a);
		pack_put_fixed(to, b);
		if ((b & 1) == 0)
			continue;
		pack_put_signed(to, pack_signed(&r));
		user = pack_text(&r);
		pack_put_text(to, user.p != NULL ? rename(ctx, user) : user);
		pack_put_text(to, pack_text(&r));
	}
	return pack_end(&r);
}

int
model_add_event_counts(struct text a, struct text b, struct buf *to)
{
	struct pack x = pack_open(a.p, a.len, LAYOUT_EVENT);
	struct pack y = pack_open(b.p, b.len, LAYOUT_EVENT);
	uint64_t sum = pack_number(&x) + pack_number(&y);

	if (pack_end(&x) == -1 || pack_end(&y) == -1)
		return -1;
	pack_put_number(to, LAYOUT_EVENT);
	pack_put_number(to, sum);
	return 0;
}
