/*
 * response_clock: see responses.h: the clock by which a request measures times,
 * and what targets say about the responses.
 */
#include "sink/responses/responses.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

static const struct terms *
terms_of_filter(const struct response_filter *c)
{
	return terms_of_channel(c->terms, text_or_absent(c->channel));
}

bool
response_has_hours(const struct response_filter *c)
{
	return c->terms != NULL && terms_have_hours(c->terms);
}

bool
response_has_targets(const struct response_filter *c)
{
	return c->terms != NULL && terms_have_targets(c->terms);
}

bool
response_clock_read_rows(struct question *q, struct response_filter *c)
{
	static const char *const words[] = { "calendar", "work", NULL };
	size_t i = 0;

	c->terms = viewer_terms(&q->viewer);
	if (!question_word(q, "clock", words, &i))
		return false;
	c->work = i == 1;
	return !c->work || response_has_hours(c) ||
	       question_problem(q, 400,
		   "clock=work needs opening hours, see "
		   "messaging-hours(7); use clock=calendar");
}

/* The default of the clock. */
static bool
measures_work(const struct response_filter *c)
{
	return c->terms != NULL && terms_of_filter(c)->hours != NULL;
}

bool
response_clock_read(struct question *q, struct response_filter *c)
{
	if (!response_clock_read_rows(q, c))
		return false;
	if (question_parameter(q, "clock") == NULL)
		c->work = measures_work(c);
	return true;
}

bool
response_is_judged(const struct response_filter *c)
{
	return c->terms != NULL && terms_version(c->terms) != 0;
}

void
response_clock_add(const struct response_filter *c, struct buf *href)
{
	if (response_has_hours(c))
		buf_addf(href, "&clock=%s", c->work ? "work" : "calendar");
}

void
response_clock_write(const struct response_filter *c, struct buf *to)
{
	jsonw_str(to, "clock", c->work ? "work" : "calendar");
	if (response_is_judged(c))
		jsonw_str(to, "hours", terms_version_text(c->terms));
	else
		jsonw_null(to, "hours");
}

/* The target that channels and times have in common, while they are looked
 * at. */
struct common_target {
	const struct response_filter *filter;
	int64_t from, to;
	int64_t ms; /* CLOCK_NONE: none was seen yet; 0: there is none */
};

static void
look_at_target(struct common_target *c, struct target target)
{
	int64_t ms = target.work == c->filter->work ? target.ms : 0;

	c->ms = c->ms == CLOCK_NONE || c->ms == ms ? ms : 0;
}

static int64_t
local_day(const struct zone *z, int64_t at)
{
	return clock_floor(at + zone_find(z, at).offset, DAY_MS) / DAY_MS;
}

/* Returns the target of the first of these kinds that has one. */
static struct target
first_target(const struct targets_version *v, unsigned kinds)
{
	size_t k = 0;

	while (k < TARGET_KINDS && ((kinds & 1U << k) == 0 || v->of[k].ms == 0))
		k++;
	return k < TARGET_KINDS ? v->of[k] : (struct target){ 0 };
}

/* Looks at the targets in force within the range. */
static void
look_at_terms(void *ctx, const char *channel, const struct terms *t)
{
	struct common_target *c = ctx;
	int64_t first = local_day(t->zone, c->from);
	int64_t last = local_day(t->zone, c->to - 1);
	const struct targets *g = t->targets;
	size_t i;

	(void)channel;
	if (g == NULL || g->list[0].since > first)
		c->ms = 0;
	for (i = 0; g != NULL && i < g->n; i++) {
		if (g->list[i].since > last ||
		    (i + 1 < g->n && g->list[i + 1].since <= first))
			continue;
		look_at_target(
		    c, first_target(&g->list[i], c->filter->kind->set));
	}
}

/* Kinds of targets are the first kinds of sums. */
_Static_assert((int)TARGET_FIRST_RESPONSE == (int)SPAN_FIRST_RESPONSE &&
		   (int)TARGET_REPLY == (int)SPAN_REPLY &&
		   (int)TARGET_RESOLUTION == (int)SPAN_RESOLUTION,
    "a bit of a kind is that of its target");

int64_t
response_target(const struct response_filter *c, int64_t from, int64_t to)
{
	struct common_target found = { c, from, to, CLOCK_NONE };

	if (!response_is_judged(c))
		return CLOCK_NONE;
	if (c->channel != NULL)
		look_at_terms(&found, NULL, terms_of_filter(c));
	else
		terms_each_channel(c->terms, look_at_terms, &found);
	return found.ms > 0 ? found.ms : CLOCK_NONE;
}

int64_t
response_target_now(const struct question *q)
{
	struct response_filter c = { .kind = response_kind_named("response"),
		.terms = viewer_terms(&q->viewer) };
	int64_t now = question_now(q);

	c.work = measures_work(&c);
	return response_target(&c, now, now + 1);
}

void
response_percent_write(struct sheet *s, int64_t kept, int64_t all)
{
	/* Three decimals, as seconds have. */
	sheet_seconds(
	    s, all > 0 ? (100000 * kept + all / 2) / all : CLOCK_NONE);
}

void
response_judged_write(struct sheet *s, const struct response_filter *c,
    const struct response_judged *j, bool includes_now)
{
	bool targets = response_has_targets(c);
	bool hours = response_has_hours(c);

	sheet_int(s, targets ? j->kept : CLOCK_NONE);
	sheet_int(s, targets ? j->missed : CLOCK_NONE);
	sheet_int(s,
	    targets && includes_now && c->kind->waits ? j->late : CLOCK_NONE);
	response_percent_write(
	    s, j->kept, targets ? j->kept + j->missed + j->late : 0);
	sheet_int(s, hours ? j->closed : CLOCK_NONE);
	sheet_int(s, c->work ? j->no_work_time : CLOCK_NONE);
}
