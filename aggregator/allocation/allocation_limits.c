/*
 * allocation_limits: stores limit records, which set the maximum number of
 * chats for operators. Operator and channel are optional; of several records
 * with the same operator and channel, the newest counts. allocation_lines.c
 * then finds the operators with free slots.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <string.h>

#include "common/base/xalloc.h"

/* After a limit for all operators: recomputes who has free slots. */
static void
recompute_capacity(struct allocation *a)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&a->operators, &i)) != NULL) {
		alloc_operator_begin(e->value);
		alloc_operator_end(a, e->value);
	}
}

/* The channel gains or loses its own lines, so its chats move. */
static void
move_chats(struct allocation *a, const struct alloc_channel *channel)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&a->chats, &i)) != NULL) {
		struct alloc_chat *c = e->value;

		if (c->channel != channel || !alloc_is_waiting(c->place))
			continue;
		alloc_leave_place(a, c);
		alloc_recompute_chat(a, c);
	}
}

static void
apply_channel_limit(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *channel, int64_t max)
{
	int64_t *limit = &channel->limit;
	size_t before = channel->limits;

	if (o != NULL) {
		alloc_operator_begin(o);
		limit = &alloc_share_of(o, channel)->limit;
	}
	channel->limits -= *limit != RECORD_NO_NUMBER;
	*limit = max;
	channel->limits += max != RECORD_NO_NUMBER;
	if (o != NULL)
		alloc_operator_end(a, o);
	else
		recompute_capacity(a);
	if ((before == 0) != (channel->limits == 0))
		move_chats(a, channel);
}

static void
apply_limit(struct allocation *a, struct text operator_id, struct text channel,
    int64_t max)
{
	struct alloc_operator *o =
	    operator_id.p != NULL ? alloc_operator_get(a, operator_id) : NULL;

	if (channel.p != NULL) {
		apply_channel_limit(a, o, alloc_channel_get(a, channel), max);
	} else if (o != NULL) {
		alloc_operator_begin(o);
		o->own_limit = max;
		alloc_operator_end(a, o);
	} else {
		a->everybody = max;
		recompute_capacity(a);
	}
}

void
allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at)
{
	struct buf key = BUF_INIT;
	struct alloc_limit *l;
	void **slot;

	buf_add(&key, operator_id.p, operator_id.len);
	buf_addc(&key, '\0');
	buf_add(&key, channel.p, channel.len);
	slot = strmap_put(&a->limits, key.data, key.len);
	l = *slot;
	if (l == NULL) {
		l = *slot = xcalloc(1, sizeof *l);
		alloc_entry_init(
		    &l->entry, ALLOC_LIMIT, alloc_text(key.data, key.len));
		l->at = CLOCK_NONE;
	}
	buf_release(&key);
	if (at != CLOCK_NONE && at < l->at)
		return;
	if (at != CLOCK_NONE)
		l->at = at;
	l->max_chats = max_chats;
	alloc_entry_changed(a, &l->entry);
	apply_limit(a, operator_id, channel, max_chats);
}

int
alloc_limit_key(struct text key, struct text *operator_id, struct text *channel)
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
