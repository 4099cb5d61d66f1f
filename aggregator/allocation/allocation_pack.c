/*
 * allocation_pack: the allocation as bytes. There is an entry for each chat
 * that is reserved or has been assigned by us, for each operator, limit and
 * customer, and one for the number of reservations. The first byte of a key is
 * its kind.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <string.h>

#include "common/containers/pack.h"

enum {
	KEY_CHAT = 'c',
	KEY_LIMIT = 'l',
	KEY_NUMBERS = 'n',
	KEY_OPERATOR = 'o',
	KEY_CUSTOMER = 'u'
};

enum { FLAG_SENT = 1 };

/* The first number in each value. */
enum { ALLOCATION_LAYOUT = 8 };

static void
put_text_of(struct buf *to, const char *s)
{
	pack_put_text(to, alloc_text_of(s));
}

static void
put_operator(struct buf *to, const struct alloc_operator *o)
{
	pack_put_text(to, o != NULL ? o->id : (struct text){ NULL, 0 });
}

static struct alloc_operator *
read_operator(struct allocation *a, struct pack *r)
{
	struct text id = pack_text(r);

	return id.p != NULL ? alloc_operator_get(a, id) : NULL;
}

static void
set_entry_key(struct buf *key, char kind, struct text id)
{
	buf_clear(key);
	buf_addc(key, kind);
	buf_add(key, id.p, id.len);
}

static void
begin_entry(struct buf *value)
{
	buf_clear(value);
	pack_put_number(value, ALLOCATION_LAYOUT);
}

static bool
is_kept(const struct alloc_chat *c)
{
	return c->given_to != NULL || c->reserved != NULL;
}

static void
pack_chat(const struct alloc_chat *c, struct buf *to)
{
	pack_put_number(to, treap_has(&c->in_outbox) ? 0u : FLAG_SENT);
	put_operator(to, c->given_to);
	pack_put_signed(to, c->given_at);
	pack_put_signed(to, c->assigned_at);
	put_operator(to, c->reserved);
	if (c->reserved == NULL)
		return;
	put_operator(to, c->replaces);
	put_text_of(to, c->reservation);
	pack_put_signed(to, c->reserved_at);
	pack_put_signed(to, c->expires);
	pack_put_number(to, c->reservation_number);
}

static void
unpack_reservation(
    struct allocation *a, struct alloc_chat *c, bool sent, struct pack *r)
{
	struct text id;

	c->replaces = read_operator(a, r);
	id = pack_text(r);
	c->reserved_at = pack_signed(r);
	c->expires = pack_signed(r);
	c->reservation_number = pack_number(r);
	if (id.p == NULL || id.len >= sizeof c->reservation)
		r->bad = true;
	if (r->bad)
		return;
	memcpy(c->reservation, id.p, id.len);
	c->reservation[id.len] = '\0';
	if (!sent)
		treap_add(&a->outbox, &c->in_outbox);
}

/* Everything else is read from the model. */
static void
unpack_chat(struct allocation *a, struct text id, struct pack *r)
{
	struct alloc_chat *c = alloc_chat_get(a, id);
	uint64_t flags = pack_number(r);

	c->given_to = read_operator(a, r);
	c->given_at = pack_signed(r);
	c->assigned_at = pack_signed(r);
	c->reserved = read_operator(a, r);
	if (c->reserved != NULL)
		unpack_reservation(a, c, (flags & FLAG_SENT) != 0, r);
	c->saved = true;
}

static void
pack_operator(const struct alloc_operator *o, struct buf *to)
{
	pack_put_signed(to, o->away_since);
	pack_put_number(to, o->last_reservation);
}

static void
unpack_operator(struct allocation *a, struct text id, struct pack *r)
{
	struct alloc_operator *o = alloc_operator_get(a, id);

	o->away_since = pack_signed(r);
	o->last_reservation = pack_number(r);
}

static void
pack_operators(struct allocation *a, allocation_entry_fn *entry, void *ctx,
    struct buf *key, struct buf *value)
{
	size_t i;

	for (i = 0; i < a->changed_operators_n; i++) {
		struct alloc_operator *o = a->changed_operators[i];

		o->changed = false;
		set_entry_key(key, KEY_OPERATOR, o->id);
		begin_entry(value);
		pack_operator(o, value);
		entry(ctx, key, value);
	}
	a->changed_operators_n = 0;
}

/* All limits are visited, because there are few and they seldom change. */
static void
pack_limits(struct allocation *a, allocation_entry_fn *entry, void *ctx,
    struct buf *key, struct buf *value)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while (a->changed_limits && (e = strmap_next(&a->limits, &i)) != NULL) {
		struct alloc_limit *l = e->value;

		if (!l->changed)
			continue;
		l->changed = false;
		set_entry_key(key, KEY_LIMIT, alloc_text(e->key, e->key_len));
		begin_entry(value);
		pack_put_signed(value, l->max_chats);
		pack_put_signed(value, l->at);
		entry(ctx, key, value);
	}
	a->changed_limits = false;
}

static void
pack_customers(struct allocation *a, allocation_entry_fn *entry, void *ctx,
    struct buf *key, struct buf *value)
{
	size_t i;

	for (i = 0; i < a->changed_customers_n; i++) {
		struct alloc_customer *c = a->changed_customers[i];

		c->changed = false;
		set_entry_key(key, KEY_CUSTOMER, c->id);
		begin_entry(value);
		put_operator(value, c->last);
		pack_put_signed(value, c->at);
		pack_put_signed(value, c->began);
		pack_put_text(value, c->chat);
		entry(ctx, key, value);
	}
	a->changed_customers_n = 0;
}

static void
pack_deleted_customers(struct allocation *a, allocation_entry_fn *entry,
    void *ctx, struct buf *key, struct buf *value)
{
	const struct strmap_entry *e;
	size_t i = 0;

	buf_clear(value);
	while ((e = strmap_next(&a->deleted_customers, &i)) != NULL) {
		set_entry_key(
		    key, KEY_CUSTOMER, alloc_text(e->key, e->key_len));
		entry(ctx, key, value);
	}
	strmap_release(&a->deleted_customers, NULL);
	a->deleted_customers = (struct strmap)STRMAP_INIT;
}

/* Deletes entries that are no longer needed. */
static void
pack_chats(struct allocation *a, allocation_entry_fn *entry, void *ctx,
    struct buf *key, struct buf *value)
{
	size_t i;

	for (i = 0; i < a->changed_n; i++) {
		struct alloc_chat *c = a->changed[i];
		bool kept = is_kept(c);

		c->changed = false;
		set_entry_key(key, KEY_CHAT, c->id);
		buf_clear(value);
		if (kept) {
			begin_entry(value);
			pack_chat(c, value);
		}
		if (kept || c->saved)
			entry(ctx, key, value);
		c->saved = kept;
		if (c->forgotten)
			alloc_chat_free(c);
	}
	a->changed_n = 0;
}

void
allocation_pack(struct allocation *a, allocation_entry_fn *entry, void *ctx)
{
	struct buf key = BUF_INIT, value = BUF_INIT;

	pack_deleted_customers(a, entry, ctx, &key, &value);
	pack_chats(a, entry, ctx, &key, &value);
	pack_operators(a, entry, ctx, &key, &value);
	pack_limits(a, entry, ctx, &key, &value);
	pack_customers(a, entry, ctx, &key, &value);
	set_entry_key(&key, KEY_NUMBERS, (struct text){ "", 0 });
	begin_entry(&value);
	pack_put_number(&value, a->reservations);
	entry(ctx, &key, &value);
	buf_release(&key);
	buf_release(&value);
}

static void
unpack_limit(struct allocation *a, struct text id, struct pack *r)
{
	int64_t max = pack_signed(r), at = pack_signed(r);
	struct text o, channel;

	r->bad |= alloc_limit_key(id, &o, &channel) == -1;
	if (!r->bad)
		allocation_limit(a, o, channel, max, at);
}

/* If customers are no longer kept, deletes those of an earlier run. */
static void
unpack_customer(struct allocation *a, struct text id, struct pack *r)
{
	struct alloc_customer_chat chat = { .had_by = read_operator(a, r) };
	int64_t at = pack_signed(r);

	chat.began = pack_signed(r);
	chat.id = pack_text(r);
	if (chat.id.p == NULL)
		r->bad = true;
	else if (chat.had_by == NULL || a->set.sticky == 0)
		(void)strmap_put(&a->deleted_customers, id.p, id.len);
	else
		alloc_customer_set(a, id, &chat, at);
}

/* Entries that were just unpacked need not be packed. */
static void
clear_changed(struct allocation *a)
{
	size_t i;

	for (i = 0; i < a->changed_n; i++)
		a->changed[i]->changed = false;
	for (i = 0; i < a->changed_customers_n; i++)
		a->changed_customers[i]->changed = false;
	a->changed_n = a->changed_customers_n = 0;
	a->changed_limits = false;
}

int
allocation_unpack(struct allocation *a, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct pack r = pack_open_bare(data, len);
	const char *k = key;
	struct text id = alloc_text(k + 1, key_len - 1);

	r.bad |= pack_number(&r) != ALLOCATION_LAYOUT;
	switch (key_len > 0 ? *k : '\0') {
	case KEY_CHAT:
		unpack_chat(a, id, &r);
		break;
	case KEY_OPERATOR:
		unpack_operator(a, id, &r);
		break;
	case KEY_LIMIT:
		unpack_limit(a, id, &r);
		break;
	case KEY_CUSTOMER:
		unpack_customer(a, id, &r);
		break;
	case KEY_NUMBERS:
		a->reservations = pack_number(&r);
		break;
	default:
		return -1;
	}
	clear_changed(a);
	return pack_end(&r);
}
