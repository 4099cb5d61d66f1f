/*
 * publisher_clock: see publisher_clock.h.
 */
#include "common/records/publisher_clock.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/records/bucket.h"
#include "common/records/record.h"
#include "common/text/jsonw.h"

struct publisher_time {
	int64_t newest, added;
};

void
publisher_clock_release(struct publisher_clock *s)
{
	flat_release(&s->flat);
	buf_release(&s->line);
	strmap_release(&s->times, free);
}

/* The time to which a record moves its tenant's clock, as in
 * aggregator/model/model.c, or CLOCK_NONE. A snapshot moves it by its markers,
 * when it is complete. */
static int64_t
record_time(const struct record *r)
{
	if (r->snapshot.p != NULL || r->about || r->type == RECORD_ROW ||
	    r->type == RECORD_UNKNOWN)
		return CLOCK_NONE;
	return r->type == RECORD_CHAT && r->at == CLOCK_NONE ? r->opened_at
							     : r->at;
}

/* The time is more than `ahead` after the clock: no aggregator that knows the
 * tenant follows it. */
static bool
is_ahead(const struct publisher_clock *s, int64_t at)
{
	return s->ahead_ms > 0 && at > clock_now_ms() + s->ahead_ms;
}

/* A tenant's first time counts wherever it is, as for an aggregator that does
 * not know the tenant; an earlier one takes its place if it was ahead, as one
 * that does has refused it. */
static bool
does_move(
    const struct publisher_clock *s, const struct publisher_time *t, int64_t at)
{
	if (t->newest == CLOCK_NONE)
		return true;
	if (at <= t->newest)
		return at < t->newest && is_ahead(s, t->newest);
	return at <= t->newest + s->ahead_ms || !is_ahead(s, at);
}

static void
note_time(struct publisher_clock *s, const struct record *r)
{
	int64_t at = record_time(r);
	struct publisher_time *t;
	void **slot;

	if (at == CLOCK_NONE)
		return;
	slot = strmap_put(&s->times, r->tenant.p, r->tenant.len);
	if (*slot == NULL) {
		t = xmalloc(sizeof *t);
		t->newest = t->added = CLOCK_NONE;
		*slot = t;
	}
	t = *slot;
	if (!does_move(s, t, at))
		return;
	t->newest = at;
	if (r->type == RECORD_CLOCK)
		t->added = at;
	else
		s->moved = true;
}

unsigned
publisher_clock_bucket(struct publisher_clock *s, const char *line, size_t len)
{
	static const char zeros[64];
	struct record r;

	buf_clear(&s->line);
	buf_add(&s->line, line, len);
	buf_add(&s->line, zeros, sizeof zeros);
	/* A line that is not a record has no time. */
	if (record_parse(&r, &s->flat, s->line.data, len, NULL) == 0)
		note_time(s, &r);
	return s->flat.n > 0 ? bucket_of_flat(&s->flat)
			     : bucket_of("", 0, "", 0);
}

void
publisher_clock_add_records(
    struct publisher_clock *s, struct buf *to, int64_t pause_ms)
{
	const struct strmap_entry *e;
	struct publisher_time *t;
	size_t i = 0;

	if (!s->moved || clock_mono_ms() - s->added_ms < pause_ms)
		return;
	s->moved = false;
	s->added_ms = clock_mono_ms();
	while ((e = strmap_next(&s->times, &i)) != NULL) {
		t = e->value;
		if (t->added == t->newest)
			continue;
		t->added = t->newest;
		jsonw_open(to);
		jsonw_str(to, "type", "clock");
		jsonw_str(to, "tenant", e->key);
		jsonw_time(to, "at", t->newest);
		jsonw_line(to);
	}
}
