/*
 * terms_words: see terms_words.h.
 */
#include "common/hours/terms_words.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#define DAYS_TOLD 7

/* The listener and the current time. */
struct terms_teller {
	void (*line)(void *ctx, enum terms_finding finding, const char *about,
	    const char *text);
	void *ctx;
	int64_t now_ms;
};

static void
tell(const struct terms_teller *teller, enum terms_finding finding,
    const char *kind, const char *channel, struct buf *text)
{
	char *about = channel != NULL
			  ? xasprintf("%s of channel %s", kind, channel)
			  : xstrdup(kind);

	teller->line(teller->ctx, finding, about, buf_str(text));
	free(about);
	buf_clear(text);
}

/* Appends "Fri 25 Dec: ". */
static void
add_date(int64_t day, struct buf *to)
{
	static const char *const weekdays[] = { "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat", "Sun" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct clock_date d = clock_split(day * DAY_MS);

	buf_addf(to,
	    "%s %d %s: ", weekdays[(day + 3) - clock_floor(day + 3, 7)], d.day,
	    months[d.month - 1]);
}

static void
tell_hours(const struct terms_teller *teller, const char *channel,
    const struct hours *h)
{
	const struct zone *zone = hours_zone(h, teller->now_ms);
	int64_t local = teller->now_ms + zone_find(zone, teller->now_ms).offset;
	int64_t day = clock_floor(local, DAY_MS) / DAY_MS, last;
	struct buf text = BUF_INIT;

	buf_addf(
	    &text, "%s, %s", hours_name(h), hours_zone_name(h, teller->now_ms));
	tell(teller, TERMS_GOOD, "hours", channel, &text);
	for (last = day + DAYS_TOLD; day < last; day++) {
		add_date(day, &text);
		hours_add_day(h, day, &text);
		tell(teller, TERMS_GOOD, "hours", channel, &text);
	}
	buf_release(&text);
}

static void
tell_ignored(const struct terms_teller *teller, const char *channel,
    const struct hours *h)
{
	struct buf lines = BUF_INIT, text = BUF_INIT;
	const char *s, *end;

	hours_add_ignored(h, &lines);
	for (s = buf_str(&lines); *s != '\0'; s = end + 1) {
		end = strchr(s, '\n');
		buf_adds(&text, "ignored: ");
		buf_add(&text, s, (size_t)(end - s));
		tell(teller, TERMS_ADVICE, "holidays", channel, &text);
	}
	buf_release(&lines);
	buf_release(&text);
}

static void
tell_targets(const struct terms_teller *teller, const char *channel,
    const struct terms *t)
{
	const struct targets_version *v = targets_at(t, teller->now_ms);
	struct buf text = BUF_INIT;
	size_t i;

	if (v == NULL)
		buf_adds(&text, "none yet");
	for (i = 0; v != NULL && i < TARGET_KINDS; i++) {
		buf_addf(&text, "%s%s ", i > 0 ? ", " : "",
		    target_kind_name((enum target_kind)i));
		target_add(v->of[i], &text);
	}
	if (v != NULL)
		buf_addf(&text, "; soon late with %d%% left", v->soon);
	tell(teller, TERMS_GOOD, "targets", channel, &text);
	buf_release(&text);
}

static void
tell_channel(void *ctx, const char *channel, const struct terms *t)
{
	const struct terms_teller *teller = ctx;

	if (t->hours != NULL) {
		tell_hours(teller, channel, t->hours);
		tell_ignored(teller, channel, t->hours);
	}
	if (t->targets != NULL)
		tell_targets(teller, channel, t);
}

void
terms_tell(const struct tenant_terms *t, int64_t now_ms,
    void (*line)(void *ctx, enum terms_finding finding, const char *about,
	const char *text),
    void *ctx)
{
	struct terms_teller teller = { line, ctx, now_ms };

	if (terms_error(t) != NULL)
		line(ctx, TERMS_WRONG, "hours", terms_error(t));
	terms_each_channel(t, tell_channel, &teller);
}
