/*
 * allocation_pack: the allocation as bytes. There is an entry for each chat
 * that is reserved or has been assigned by us, and for each operator, limit and
 * customer. The first byte of a key is its kind.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <string.h>

#include "common/containers/pack.h"

/* Packs a reference to an operator as the operator's id. */
static void
code_reference(struct pack *k, struct allocation *a, struct alloc_operator **o)
{
	struct text id = { NULL, 0 };

	if (!pack_reads(k) && *o != NULL)
		id = (*o)->entry.id;
	code_text(k, &id);
	if (pack_reads(k))
		*o = id.p != NULL ? alloc_operator_get(a, id) : NULL;
}

static void
code_reservation(struct pack *k, struct allocation *a, struct alloc_chat *c)
{
	struct text id = alloc_text(c->reservation, strlen(c->reservation));

	code_reference(k, a, &c->replaces);
	code_text(k, &id);
	code_signed(k, &c->reserved_at);
	code_signed(k, &c->expires);
	if (id.p == NULL || id.len >= sizeof c->reservation)
		k->bad = true;
	if (!pack_reads(k) || k->bad)
		return;
	memcpy(c->reservation, id.p, id.len);
	c->reservation[id.len] = '\0';
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
code_operator(struct pack *k, struct allocation *a, struct alloc_operator *o)
{
	code_signed(k, &o->away_since);
	code_number(k, &o->last_reservation);
	if (o->last_reservation > a->reservations)
		a->reservations = o->last_reservation;
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
}

static void
code_entry(struct pack *k, struct allocation *a, struct alloc_entry *e)
{
	void *item = e;

	switch (e->kind) {
	case ALLOC_CHAT:
		code_chat(k, a, item);
		break;
	case ALLOC_OPERATOR:
		code_operator(k, a, item);
		break;
	case ALLOC_LIMIT:
		code_limit(k, item);
		break;
	case ALLOC_CUSTOMER:
		code_customer(k, a, item);
		break;
	}
}

/* Of chats, the state keeps those that are reserved or were assigned by us. */
static bool
is_kept(const struct alloc_entry *e)
{
	const void *item = e;
	const struct alloc_chat *c = item;

	return !e->deleted && (e->kind != ALLOC_CHAT || c->given_to != NULL ||
				  c->reserved != NULL);
}

static void
set_key(struct buf *key, char kind, struct text id)
{
	buf_clear(key);
	buf_addc(key, kind);
	buf_add(key, id.p, id.len);
}

void
allocation_pack(struct allocation *a, allocation_entry_fn *entry, void *ctx)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct pack k = pack_write(&value);
	struct alloc_entry *e;
	size_t i;

	alloc_delete_old_customers(a);
	for (i = 0; i < a->changed_n; i++) {
		e = a->changed[i];
		e->changed = false;
		set_key(&key, (char)e->kind, e->id);
		buf_clear(&value);
		if (is_kept(e))
			code_entry(&k, a, e);
		if (value.len > 0 || e->saved)
			entry(ctx, &key, &value);
		e->saved = value.len > 0;
		if (e->deleted)
			alloc_entry_free(e);
	}
	a->changed_n = 0;
	buf_release(&key);
	buf_release(&value);
}

static void
unpack_chat(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	code_chat(k, a, c);
	c->entry.saved = true;
}

/* Splits the id of a limit; see allocation_limit(). */
static int
read_limit_id(struct text key, struct text *operator_id, struct text *channel)
{
	const char *nul = key.len > 0 ? memchr(key.p, '\0', key.len) : NULL;

	if (nul == NULL)
		return -1;
	*operator_id = alloc_text(key.p, (size_t)(nul - key.p));
	*channel = alloc_text(nul + 1, key.len - operator_id->len - 1);
	if (operator_id->len == 0)
		operator_id->p = NULL;
	if (channel->len == 0)
		channel->p = NULL;
	return 0;
}

static void
unpack_limit(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_limit l;
	struct text o, channel;

	code_limit(k, &l);
	k->bad |= read_limit_id(id, &o, &channel) == -1;
	if (!k->bad)
		allocation_limit(a, o, channel, l.max_chats, l.at);
}

static void
unpack_customer(struct pack *k, struct allocation *a, struct text id)
{
	struct alloc_customer c;

	code_customer(k, a, &c);
	k->bad |= c.last == NULL;
	if (!k->bad)
		alloc_customer_set(a, id, c.last, c.at)->entry.saved = true;
}

/* Entries that were just unpacked need not be packed. */
static void
clear_changed(struct allocation *a, size_t from)
{
	size_t i;

	for (i = from; i < a->changed_n; i++)
		a->changed[i]->changed = false;
	a->changed_n = from;
}

int
allocation_unpack(struct allocation *a, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct pack r = pack_open_bare(data, len);
	const char *k = key;
	struct text id = alloc_text(k + 1, key_len - 1);
	size_t changed_n = a->changed_n;

	switch (*k) {
	case ALLOC_CHAT:
		unpack_chat(&r, a, id);
		break;
	case ALLOC_CUSTOMER:
		unpack_customer(&r, a, id);
		break;
	case ALLOC_LIMIT:
		unpack_limit(&r, a, id);
		break;
	case ALLOC_OPERATOR:
		code_operator(&r, a, alloc_operator_get(a, id));
		break;
	default:
		return -1;
	}
	clear_changed(a, changed_n);
	return pack_end(&r);
}
