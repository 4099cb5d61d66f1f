/*
 * allocation_pack: the allocation as bytes: one entry for each chat, operator,
 * limit and customer, one for the times of snapshots, and one for the rest. The
 * first byte of a key says which.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stddef.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

enum {
	KEY_CHAT = 'c',
	KEY_LIMIT = 'l',
	KEY_NUMBERS = 'n',
	KEY_OPERATOR = 'o',
	KEY_CUSTOMER = 'u',
	KEY_WHOLE = 'w'
};

enum {
	FLAG_ASSIGNED = 1,
	FLAG_ANSWERED = 2,
	FLAG_SENT = 4,
	FLAG_ARRIVAL_OVER = 8
};
enum { FLAG_KNOWN = 1, FLAG_AVAILABLE = 2 };

/* The first number of each value. */
enum { ALLOCATION_LAYOUT = 7 };

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

static enum chat_status
unpack_status(struct pack *r)
{
	uint64_t status = pack_number(r);

	r->bad |= status > CHAT_GONE;
	return r->bad ? CHAT_NONE : (enum chat_status)status;
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

/* What a chat has besides its operators, its place and its reservation, in the
 * order in which it is packed. */
enum chat_field_kind { PACKED_NUMBER, PACKED_STATUS, PACKED_TEXT };

#define FIELD(kind, name)                                                      \
	{                                                                      \
		PACKED_##kind, offsetof(struct alloc_chat, name)               \
	}

static const struct chat_field {
	enum chat_field_kind kind;
	size_t offset;
} chat_fields[] = {
	FIELD(STATUS, status),
	FIELD(STATUS, said.status),
	FIELD(NUMBER, said.at),
	FIELD(TEXT, said.by),
	FIELD(STATUS, wrote.status),
	FIELD(NUMBER, wrote.at),
	FIELD(TEXT, wrote.by),
	FIELD(STATUS, handed.status),
	FIELD(NUMBER, handed.at),
	FIELD(TEXT, handed.by),
	FIELD(STATUS, assignee_status),
	FIELD(NUMBER, assignee_at),
	FIELD(TEXT, assignee_by),
	FIELD(NUMBER, arrival),
	FIELD(TEXT, arrival_by),
	FIELD(NUMBER, opened_at),
	FIELD(NUMBER, closed_at),
	FIELD(NUMBER, assigned_at),
	FIELD(NUMBER, held_since),
	FIELD(NUMBER, answered_at),
	FIELD(NUMBER, channel_at),
	FIELD(NUMBER, tags_at),
	FIELD(NUMBER, customer_at),
	FIELD(TEXT, customer_id),
	FIELD(NUMBER, listed_at),
	FIELD(NUMBER, newest),
};

static void *
chat_field(struct alloc_chat *c, size_t i)
{
	return (char *)c + chat_fields[i].offset;
}

static void
pack_chat_fields(struct alloc_chat *c, struct buf *to)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(chat_fields); i++) {
		void *p = chat_field(c, i);

		switch (chat_fields[i].kind) {
		case PACKED_NUMBER:
			pack_put_signed(to, *(int64_t *)p);
			break;
		case PACKED_STATUS:
			pack_put_number(to, *(enum chat_status *)p);
			break;
		case PACKED_TEXT:
			put_text_of(to, *(char **)p);
			break;
		}
	}
}

static void
unpack_chat_fields(struct alloc_chat *c, struct pack *r)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(chat_fields); i++) {
		void *p = chat_field(c, i);

		switch (chat_fields[i].kind) {
		case PACKED_NUMBER:
			*(int64_t *)p = pack_signed(r);
			break;
		case PACKED_STATUS:
			*(enum chat_status *)p = unpack_status(r);
			break;
		case PACKED_TEXT:
			*(char **)p = text_dup(pack_text(r));
			break;
		}
	}
}

static void
pack_chat(struct alloc_chat *c, struct buf *to)
{
	pack_put_number(
	    to, (c->answer != ANSWER_NONE ? FLAG_ASSIGNED : 0u) |
		    (c->answer == ANSWER_GIVEN ? FLAG_ANSWERED : 0u) |
		    (treap_has(&c->in_outbox) ? 0u : FLAG_SENT) |
		    (c->arrival_over ? FLAG_ARRIVAL_OVER : 0u));
	pack_chat_fields(c, to);
	put_operator(to, c->assignee);
	put_text_of(to, c->channel != NULL ? c->channel->name : NULL);
	put_text_of(to, c->tags->text);
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

static void
unpack_chat(struct allocation *a, struct text id, struct pack *r)
{
	struct alloc_chat *c = alloc_chat_get(a, id);
	uint64_t flags = pack_number(r);
	struct text channel;

	if ((flags & FLAG_ASSIGNED) != 0)
		c->answer =
		    (flags & FLAG_ANSWERED) != 0 ? ANSWER_GIVEN : ANSWER_OWED;
	c->arrival_over = (flags & FLAG_ARRIVAL_OVER) != 0;
	unpack_chat_fields(c, r);
	c->assignee = read_operator(a, r);
	channel = pack_text(r);
	if (channel.p != NULL)
		c->channel = alloc_channel_get(a, channel);
	c->tags = alloc_tags_get(a, pack_text(r));
	c->reserved = read_operator(a, r);
	if (c->reserved != NULL)
		unpack_reservation(a, c, (flags & FLAG_SENT) != 0, r);
	alloc_recompute_chat(a, c);
	alloc_pass_time(a, c->newest);
}

static void
pack_operator(const struct alloc_operator *o, struct buf *to)
{
	pack_put_number(to, (o->known ? FLAG_KNOWN : 0u) |
				(o->available ? FLAG_AVAILABLE : 0u));
	pack_put_signed(to, o->max_chats);
	pack_put_signed(to, o->away_since);
	pack_put_number(to, o->last_reservation);
	put_text_of(to, o->tags->text);
	pack_put_signed(to, o->available_at);
}

static void
unpack_operator(struct allocation *a, struct text id, struct pack *r)
{
	struct alloc_operator *o = alloc_operator_get(a, id);
	uint64_t flags = pack_number(r);

	alloc_operator_begin(a, o);
	o->known = (flags & FLAG_KNOWN) != 0;
	o->available = (flags & FLAG_AVAILABLE) != 0;
	o->max_chats = pack_signed(r);
	o->away_since = pack_signed(r);
	o->last_reservation = pack_number(r);
	o->tags = alloc_tags_get(a, pack_text(r));
	o->available_at = pack_signed(r);
	alloc_operator_seats(a, o);
	alloc_operator_timer(a, o);
	/* Chats are read before it is known that their operator is away. */
	alloc_recompute_unanswered(a, o);
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

/* They are few and seldom change, so all are visited. */
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

static void
pack_whole(struct allocation *a, allocation_entry_fn *entry, void *ctx,
    struct buf *key, struct buf *value)
{
	size_t i;

	if (!a->changed_whole)
		return;
	a->changed_whole = false;
	set_entry_key(key, KEY_WHOLE, (struct text){ "", 0 });
	begin_entry(value);
	for (i = 0; i < BUCKETS; i++)
		pack_put_signed(value, a->whole_at[i]);
	entry(ctx, key, value);
}

static void
unpack_whole(struct allocation *a, struct pack *r)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		a->whole_at[i] = pack_signed(r);
		alloc_pass_time(a, a->whole_at[i]);
	}
}

void
allocation_pack(struct allocation *a, allocation_entry_fn *entry, void *ctx)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	size_t i;

	pack_deleted_customers(a, entry, ctx, &key, &value);
	for (i = 0; i < a->changed_n; i++) {
		struct alloc_chat *c = a->changed[i];

		c->changed = false;
		set_entry_key(&key, KEY_CHAT, c->id);
		begin_entry(&value);
		if (c->deleted)
			buf_clear(&value);
		else
			pack_chat(c, &value);
		entry(ctx, &key, &value);
		if (c->deleted)
			alloc_chat_free(c);
	}
	a->changed_n = 0;
	pack_operators(a, entry, ctx, &key, &value);
	pack_limits(a, entry, ctx, &key, &value);
	pack_customers(a, entry, ctx, &key, &value);
	pack_whole(a, entry, ctx, &key, &value);
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

/* Those whom an earlier run kept are deleted once nobody is. */
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

/* What was just unpacked need not be packed. */
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
	case KEY_WHOLE:
		unpack_whole(a, &r);
		break;
	default:
		return -1;
	}
	clear_changed(a);
	return pack_end(&r);
}
