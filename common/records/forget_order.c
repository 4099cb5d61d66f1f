/*
 * forget_order: see forget_order.h.
 */
#include "common/records/forget_order.h"

#include "common/containers/pack.h"

#define LAYOUT 1

bool
forget_order_has_chat(const struct forget_order *o, struct text chat)
{
	struct pack r;

	if (o->chats.len == 0)
		return false;
	r = pack_open_bare(o->chats.p, o->chats.len);
	while (pack_more(&r))
		if (text_compare(pack_text(&r), chat) == 0)
			return true;
	return false;
}

void
forget_order_pack(const struct forget_order *o, struct buf *to)
{
	pack_put_number(to, LAYOUT);
	pack_put_text(to, o->tenant);
	pack_put_text(to, o->customer);
	pack_put_signed(to, o->asked_at);
	pack_put_text(to, o->chats);
	pack_put_text(to, o->alias);
}

int
forget_order_unpack(struct forget_order *o, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT);

	o->tenant = pack_text(&r);
	o->customer = pack_text(&r);
	o->asked_at = pack_signed(&r);
	o->chats = pack_text(&r);
	o->alias = pack_text(&r);
	return pack_end(&r) == 0 && o->tenant.p != NULL && o->customer.p != NULL
		   ? 0
		   : -1;
}
