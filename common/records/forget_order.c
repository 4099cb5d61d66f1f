/*
 * forget_order: see forget_order.h.
 */
#include "common/records/forget_order.h"

#include "common/containers/pack.h"

#define LAYOUT 4
/* Of orders that wait since an update. */
#define LAYOUT_WITHOUT_WORDS 3
#define LAYOUT_WITHOUT_ALIAS 2
#define LAYOUT_WITHOUT_CHATS 1

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
	pack_put_text(to, o->names);
	pack_put_signed(to, o->asked_at);
	pack_put_text(to, o->chats);
	pack_put_text(to, o->alias);
	pack_put_text(to, o->words);
	pack_put_number(to, o->key[0]);
	pack_put_number(to, o->key[1]);
}

int
forget_order_unpack(struct forget_order *o, const void *p, size_t len)
{
	unsigned layout = LAYOUT;
	struct pack r = pack_open(p, len, layout);

	while (r.bad && layout > LAYOUT_WITHOUT_CHATS)
		r = pack_open(p, len, --layout);
	o->tenant = pack_text(&r);
	o->customer = pack_text(&r);
	o->names = pack_text(&r);
	o->asked_at = pack_signed(&r);
	o->chats = o->alias = o->words = (struct text){ NULL, 0 };
	if (layout > LAYOUT_WITHOUT_CHATS)
		o->chats = pack_text(&r);
	if (layout > LAYOUT_WITHOUT_ALIAS)
		o->alias = pack_text(&r);
	if (layout > LAYOUT_WITHOUT_WORDS) {
		o->words = pack_text(&r);
		o->key[0] = pack_number(&r);
		o->key[1] = pack_number(&r);
	}
	return pack_end(&r) == 0 && o->tenant.p != NULL && o->customer.p != NULL
		   ? 0
		   : -1;
}
