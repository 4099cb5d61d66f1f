/*
 * model_forget: a packed chat without what tells of a customer; see
 * model_pack.h.
 */
#include "aggregator/model/model_impl.h"
#include "aggregator/model/model_pack.h"
#include "common/containers/pack.h"
#include "common/words/phone_digits.h"
#include "common/words/plain_letters.h"

/* The texts of a description, in the order in which they are packed. */
enum { ASSIGNEE, CHANNEL, CUSTOMER, NAME, PHONE, TAG, TEXTS };

static bool
describes_customer(
    const struct forget_order *o, struct text customer, int64_t opened_at)
{
	return text_compare(customer, o->customer) == 0 &&
	       (opened_at == CLOCK_NONE || opened_at <= o->asked_at);
}

static void
note_name(struct buf *names, struct text name)
{
	if (name.p == NULL)
		return;
	buf_addc(names, ' ');
	buf_add(names, name.p, name.len);
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

/* Copies one, whose time was read; true when it had something of theirs. */
static bool
copy_description(struct pack *r, const struct forget_order *o, struct buf *to,
    struct buf *names)
{
	int64_t opened_at = pack_signed(r), closed_at = pack_signed(r);
	uint64_t status = pack_number(r);
	struct text v[TEXTS];
	bool theirs;
	size_t i;

	for (i = 0; i < TEXTS; i++)
		v[i] = pack_text(r);
	theirs = !r->bad && describes_customer(o, v[CUSTOMER], opened_at) &&
		 (v[NAME].p != NULL || v[PHONE].p != NULL || v[TAG].p != NULL);
	if (theirs) {
		note_name(names, v[NAME]);
		note_name(names, v[PHONE]);
		plain_letters_add(names, v[NAME]);
		phone_digits_add(names, v[PHONE]);
		v[NAME] = v[PHONE] = v[TAG] = (struct text){ NULL, 0 };
	}
	pack_put_signed(to, opened_at);
	pack_put_signed(to, closed_at);
	pack_put_number(to, status);
	for (i = 0; i < TEXTS; i++)
		pack_put_text(to, v[i]);
	return theirs;
}

bool
model_forget(const void *p, size_t len, const struct forget_order *o,
    struct buf *to, struct buf *names)
{
	struct pack r = pack_open(p, len, LAYOUT_CHAT);
	struct text id = pack_text(&r);
	uint64_t n = pack_number(&r), i;
	bool any = false;
	int64_t at;

	pack_put_number(to, LAYOUT_CHAT);
	pack_put_text(to, id);
	pack_put_number(to, n);
	for (i = 0; i < n && !r.bad; i++) {
		at = pack_signed(&r);
		pack_put_signed(to, at);
		if (at == DESCRIPTION_REPEATS)
			copy_repeats(&r, to);
		else
			any = copy_description(&r, o, to, names) || any;
	}
	if (!r.bad)
		buf_add(to, (const char *)r.p, (size_t)(r.end - r.p));
	return any && !r.bad;
}
