/*
 * judge_row: see judge_row.h.
 */
#include "sink/store/judge_row.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* Fits into a BIGINT. */
#define PRINT_MASK (UINT64_MAX >> 1)

/* Which target applies to an interval. Parts of waits have none: the whole wait
 * is judged, for the operator who answered. */
static void
set_kind(const struct stored_interval *i, struct judged_interval *to)
{
	static const struct {
		const char *name;
		enum target_kind kind;
	} kinds[] = {
		{ "first_response", TARGET_FIRST_RESPONSE },
		{ "reply", TARGET_REPLY },
		{ "resolution", TARGET_RESOLUTION },
	};
	struct text kind;
	size_t k;

	to->answered = !text_is(i->kind, "unanswered");
	kind = to->answered ? i->kind : i->awaited;
	for (k = 0; k < ARRAY_LEN(kinds); k++) {
		if (!text_is(kind, kinds[k].name))
			continue;
		to->has_target = true;
		to->kind = kinds[k].kind;
	}
}

void
judge_interval(const struct terms_book *b, const struct stored_interval *i,
    struct db_value to[JUDGED_COLUMNS])
{
	const struct tenant_terms *t = terms_of_tenant(b, i->tenant);
	struct judged_interval interval = { .begin = i->begin, .end = i->end };
	struct judgement j = { CLOCK_NONE, CLOCK_NONE, -1, 0 };

	/* Clocks may differ: such a duration is 0. */
	if (i->begin > i->end)
		interval.begin = i->end;
	if (terms_version(t) != 0 && i->begin != CLOCK_NONE) {
		set_kind(i, &interval);
		j = judge(terms_of_channel(t, i->channel), &interval);
	}
	to[0] = db_int(j.work_ms);
	to[1] = db_int(j.target_ms);
	to[2] = db_int(j.kept >= 0 ? j.kept : CLOCK_NONE);
	to[3] = db_int(
	    j.judged != 0 ? (int64_t)(j.judged & PRINT_MASK) : CLOCK_NONE);
}

static struct text
text_of(const struct db_value *v)
{
	return v->type == DB_TEXT ? (struct text){ v->text, v->len }
				  : (struct text){ NULL, 0 };
}

void
judge_row(const struct terms_book *b, struct sink_row *row)
{
	const struct db_value *v = row->values;
	const struct db_value *start = &v[TABLE_COLUMN(intervals, start_at)];
	const struct stored_interval i = {
		.tenant = text_of(&v[TABLE_COLUMN(intervals, tenant)]),
		.kind = text_of(&v[TABLE_COLUMN(intervals, kind)]),
		.awaited = text_of(&v[TABLE_COLUMN(intervals, awaited)]),
		.channel = text_of(&v[TABLE_COLUMN(intervals, channel)]),
		.begin = start->type == DB_TIME ? start->num : CLOCK_NONE,
		.end = v[TABLE_COLUMN(intervals, end_at)].num,
	};

	judge_interval(b, &i, &row->values[TABLE_COLUMN(intervals, work_ms)]);
}
