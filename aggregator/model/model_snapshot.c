/*
 * model_snapshot: a complete snapshot corrects a model: its records are added
 * between model_begin_snapshot() and model_end_snapshot().
 */
#include "aggregator/model/model_impl.h"

#include "common/base/clock.h"

void
model_begin_snapshot(struct model *m, int64_t at)
{
	m->snapshot_at = at;
}

/* Only the name of an operator who has left the directory is kept. */
static void
unlist_operator(struct model *m, struct operator_info *o)
{
	if (m->snapshot_at > o->at)
		o->at = m->snapshot_at;
	model_operators_set_available(o, false, false, CLOCK_NONE);
	o->reported_open_chats = RECORD_NO_NUMBER;
	model_operators_set_listed(m, o, false);
}

/* Marks chats that are not in the snapshot to be recomputed. A chat with a
 * record newer than the snapshot will not change. */
static void
touch_missing_chats(struct model *m, const struct bucket_set *part)
{
	int64_t at = m->snapshot_at;
	struct chat *c;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		if (at > m->whole_at[i] &&
		    (part == NULL || bucket_set_has(part, (unsigned)i)))
			m->whole_at[i] = at;
	}
	m->ahead = at > clock_now_ms() ? at - clock_now_ms() : 0;
	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (c->gone || c->listed_at >= at ||
		    (part != NULL && !bucket_set_has(part, c->bucket)) ||
		    (!c->dirty && status_is_over(c->now.status)))
			continue;
		chats_load(m, c);
		chats_touch(m, c, true);
	}
}

void
model_end_snapshot(struct model *m, const struct bucket_set *part)
{
	bool has_operators = part == NULL || part->all;
	int64_t at = m->snapshot_at;
	struct operator_info *o;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		o = m->operators[i];
		if (has_operators && o->listed && !o->in_snapshot)
			unlist_operator(m, o);
		o->in_snapshot = false;
	}
	touch_missing_chats(m, part);
	m->snapshot_at = CLOCK_NONE;
	model_pass_time(m, at);
}
