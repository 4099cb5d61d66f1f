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

/* Passes the entries to the caller of allocation_pack(), one by one. */
struct entries {
	struct allocation *a;
	allocation_entry_fn *run;
	void *ctx;
	struct buf key, value;
};

/* An entry without a value deletes its key. */
static void
begin_entry(struct entries *e, char kind, struct text id)
{
	buf_clear(&e->key);
	buf_addc(&e->key, kind);
	buf_add(&e->key, id.p, id.len);
	buf_clear(&e->value);
}

static void
end_entry(struct entries *e)
{
	e->run(e->ctx, &e->key, &e->value);
}

/* Packs a reference to an operator as the operator's id. */
static void
code_reference(struct pack *k, struct allocation *a, struct alloc_operator **o)
{
	struct text id = { NULL, 0 };

	if (!pack_reads(k) && *o != NULL)
		id = (*o)->id;
	code_text(k, &id);
	if (pack_reads(k))
		*o = id.p != NULL ? alloc_operator_get(a, id) : NULL;
}

static void
code_reservation(struct pack *k, struct allocation *a, struct alloc_chat *c)
{
	struct text id = alloc_text_of(c->reservation);
	bool sent = !treap_has(&c->in_outbox);

	code_reference(k, a, &c->replaces);
	code_text(k, &id);
	code_signed(k, &c->reserved_at);
	code_signed(k, &c->expires);
	code_number(k, &c->reservation_number);
	code_flag(k, &sent);
	if (id.p == NULL || id.len >= sizeof c->reservation)
		k->bad = true;
	if (!pack_reads(k) || k->bad)
		return;
	memcpy(c->reservation, id.p, id.len);
	c->reservation[id.len] = '\0';
	if (!sent)
		treap_add(&a->outbox, &c->in_outbox);
}

/* Everything else is read from the model. */
static void
code_chat(struct pack *k, struct allocation *a, struct alloc_chat *c)
{
	code_reference(k, a, &c->given_to);
	code_signed(k, &c->given_at);
	code_signed(k, &c->assigned_at);
	code_reference(k, a, &c->reserved);
	if (c->reserved != NULL)
		code_reservation(k, a, c);
}

static void
code_operator(struct pack *k, struct alloc_operator *o)
{
	code_signed(k, &o->away_since);
	code_number(k, &o->last_reservation);
}

static void
code_limit(struct pack *k, struct alloc_limit *l)
{
	code_signed(k, &l->max_chats);
	code_signed(k, &l->at);
}

static void
code_customer(struct pack *k, struct allocation *a, struct alloc_customer *c)
{
	code_reference(k, a, &c->last);
	code_signed(k, &c->at);
	code_signed(k, &c->began);
	code_text(k, &c->chat);
}

static void
pack_operators(struct entries *e)
{
	struct allocation *a = e->a;
	struct pack k;
	size_t i;

	for (i = 0; i < a->changed_operators_n; i++) {
		struct alloc_operator *o = a->changed_operators[i];

		o->changed = false;
		begin_entry(e, KEY_OPERATOR, o->id);
		k = pack_write(&e->value);
		code_operator(&k, o);
		end_entry(e);
	}
	a->changed_operators_n = 0;
}

/* All limits are visited, because there are few and they seldom change. */
static void
pack_limits(struct entries *e)
{
	struct allocation *a = e->a;
	const struct strmap_entry *x;
	struct pack k;
	size_t i = 0;

	while (a->changed_limits && (x = strmap_next(&a->limits, &i)) != NULL) {
		struct alloc_limit *l = x->value;

		if (!l->changed)
			continue;
		l->changed = false;
		begin_entry(e, KEY_LIMIT, alloc_text(x->key, x->key_len));
		k = pack_write(&e->value);
		code_limit(&k, l);
		end_entry(e);
	}
	a->changed_limits = false;
}

static void
pack_customers(struct entries *e)
{
	struct allocation *a = e->a;
	const struct strmap_entry *x;
	struct pack k;
	size_t i = 0;

	while ((x = strmap_next(&a->deleted_customers, &i)) != NULL) {
		begin_entry(e, KEY_CUSTOMER, alloc_text(x->key, x->key_len));
		end_entry(e);
	}
	strmap_release(&a->deleted_customers, NULL);
	a->deleted_customers = (struct strmap)STRMAP_INIT;
	for (i = 0; i < a->changed_customers_n; i++) {
		struct alloc_customer *c = a->changed_customers[i];

		c->changed = false;
		begin_entry(e, KEY_CUSTOMER, c->id);
		k = pack_write(&e->value);
		code_customer(&k, a, c);
		end_entry(e);
	}
	a->changed_customers_n = 0;
}

/* Deletes entries that are no longer needed. */
static void
pack_chats(struct entries *e)
{
	struct allocation *a = e->a;
	struct pack k;
	size_t i;

	for (i = 0; i < a->changed_n; i++) {
		struct alloc_chat *c = a->changed[i];
		bool kept = c->given_to != NULL || c->reserved != NULL;

		c->changed = false;
		begin_entry(e, KEY_CHAT, c->id);
		if (kept) {
			k = pack_write(&e->value);
			code_chat(&k, a, c);
		}
		if (kept || c->saved)
			end_entry(e);
		c->saved = kept;
		if (c->forgotten)
			alloc_chat_free(c);
	}
	a->changed_n = 0;
}

void
allocation_pack(struct allocation *a, allocation_entry_fn *entry, void *ctx)
{
	struct entries e = { a, entry, ctx, BUF_INIT, BUF_INIT };
	struct pack k;

	pack_chats(&e);
	pack_operators(&e);
	pack_limits(&e);
	pack_customers(&e);
	begin_entry(&e, KEY_NUMBERS, (struct text){ "", 0 });
	k = pack_write(&e.value);
	code_number(&k, &a->reservations);
	end_entry(&e);
	buf_release(&e.key);
	buf_release(&e.value);
}

static void
unpack_chat(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	code_chat(k, a, c);
	c->saved = true;
}

static void
unpack_limit(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_limit l;
	struct text o, channel;

	code_limit(k, &l);
	k->bad |= alloc_limit_key(id, &o, &channel) == -1;
	if (!k->bad)
		allocation_limit(a, o, channel, l.max_chats, l.at);
}

/* If customers are no longer kept, deletes those of an earlier run. */
static void
unpack_customer(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_customer c;
	struct alloc_customer_chat chat;

	code_customer(k, a, &c);
	chat = (struct alloc_customer_chat){ c.chat, c.began, c.last };
	if (chat.id.p == NULL)
		k->bad = true;
	else if (chat.had_by == NULL || a->set.sticky == 0)
		(void)strmap_put(&a->deleted_customers, id.p, id.len);
	else
		alloc_customer_set(a, id, &chat, c.at);
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

	switch (key_len > 0 ? *k : '\0') {
	case KEY_CHAT:
		unpack_chat(&r, a, id);
		break;
	case KEY_OPERATOR:
		code_operator(&r, alloc_operator_get(a, id));
		break;
	case KEY_LIMIT:
		unpack_limit(&r, a, id);
		break;
	case KEY_CUSTOMER:
		unpack_customer(&r, a, id);
		break;
	case KEY_NUMBERS:
		code_number(&r, &a->reservations);
		break;
	default:
		return -1;
	}
	clear_changed(a);
	return pack_end(&r);
}
