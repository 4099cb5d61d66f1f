/*
 * alerts: users who write too much (spam), that is, more than `threshold`
 * counted messages in one window of the messages' own time. There are two
 * rules, each with consecutive windows that start at the epoch: `minute` (60 s,
 * more than 8) and `five_minutes` (300 s, more than 20). [aggregator] sets the
 * thresholds.
 *
 * Consecutive windows that exceed the threshold form one alert, from the start
 * of the first (its key) to the end of the last (ended_at); messages is their
 * sum. An alert is ongoing (ended_at NULL) until the tenant's newest time has
 * passed the window after its last one, because that window may exceed the
 * threshold, too.
 *
 * A row is written when an alert starts, with each further message, and when it
 * ends. A message that fills the gap between two alerts joins them: the earlier
 * alert is extended to the end of the later one. The later one is withdrawn by
 * another row, with messages 0 and ended_at equal to its start. Therefore the
 * rows with messages above 0 do not depend on the order of messages.
 *
 * Each window stores the start of its alert; an alert that was joined to
 * another one stores that alert's start. Therefore no code here iterates over
 * the windows of an alert.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

enum {
	RULES = 2,
};

struct rule {
	const char *name;
	const char *key; /* the threshold's key in [aggregator] */
	int64_t length;
	uint64_t threshold;
};

struct window {
	uint64_t messages;
	int64_t alert; /* start of its alert, if the threshold is exceeded */
	uint64_t full;
};

struct alert {
	int64_t end; /* end of its last window */
	uint64_t messages;
	int64_t joined; /* start of the alert it was joined to, or NONE */
	int64_t due;    /* time of its timer queue entry; NONE: no entry */
	uint8_t withdrawn, ended;
	uint8_t spare[6];
};

struct alerts {
	struct keyed_state table;   /* (user, rule, begin) */
	struct keyed_state windows; /* (begin, rule, user) */
	struct timer_queue timer_queue;
	struct rule rules[RULES];
	int64_t window;
};

/* The alerts of one user under one rule; each is identified by its start. */
struct alert_series {
	struct alerts *f;
	unsigned rule;
	struct text user;
	int64_t length;
};

static const struct rule original[RULES] = {
	{ "minute", "alert_minute", INT64_C(60) * 1000, 0 },
	{ "five_minutes", "alert_five_minutes", INT64_C(300) * 1000, 0 },
};

static void
alerts_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct alerts *f = ctx;
	size_t i;

	keyed_state_open(
	    &f->windows, setup->home, "alert_windows", sizeof(struct window));
	/* Until the next window can no longer exceed the threshold. */
	keyed_state_keep(&f->windows, 2 * original[RULES - 1].length);
	keyed_state_open(
	    &f->table, setup->home, "alerts", sizeof(struct alert));
	timer_queue_open(&f->timer_queue, setup->home, "alerts_due");
	f->window = setup->home->window_ms;
	for (i = 0; i < RULES; i++) {
		f->rules[i] = original[i];
		f->rules[i].threshold =
		    (uint64_t)streaming_metric_conf(setup, original[i].key);
	}
}

static struct window *
find_window(const struct alert_series *w, int64_t begin, bool make)
{
	struct key k;

	k.len = 0;
	key_time(&k, begin);
	key_byte(&k, w->rule);
	key_text(&k, w->user);
	return make ? keyed_state_get(&w->f->windows, k.bytes, k.len, NULL)
		    : keyed_state_find(&w->f->windows, k.bytes, k.len);
}

static struct alert *
find_alert(const struct alert_series *w, int64_t begin, bool make)
{
	struct alert *a;
	struct key k;
	bool made = false;

	k.len = 0;
	key_text(&k, w->user);
	key_byte(&k, w->rule);
	key_time(&k, begin);
	a = make ? keyed_state_get(&w->f->table, k.bytes, k.len, &made)
		 : keyed_state_find(&w->f->table, k.bytes, k.len);
	if (made)
		a->due = CLOCK_NONE;
	return a;
}

/* Returns the alert to which a window belongs now, and its start. */
static struct alert *
alert_of(const struct alert_series *w, struct window *window, int64_t *begin)
{
	struct alert *a = find_alert(w, window->alert, false);

	while (a != NULL && a->withdrawn != 0 && a->joined != CLOCK_NONE) {
		window->alert = a->joined;
		a = find_alert(w, window->alert, false);
	}
	*begin = window->alert;
	return a != NULL && a->withdrawn == 0 ? a : NULL;
}

/* Schedules a review of the alert at `due`, unless the timer queue has an
 * earlier entry. */
static void
schedule_alert(const struct alert_series *w, struct alert *a, int64_t due)
{
	struct text key = keyed_state_key(a);

	if (a->due != CLOCK_NONE && a->due <= due)
		return;
	a->due = due;
	timer_queue_add(&w->f->timer_queue, due, key.p, key.len);
}

static void
withdraw_alert(const struct alert_series *w, struct alert *a, int64_t joined)
{
	a->withdrawn = 1;
	a->joined = joined;
	a->messages = 0;
	keyed_state_emit(&w->f->table, a);
}

static struct alert *
begin_alert(const struct alert_series *w, int64_t begin)
{
	struct alert *a = find_alert(w, begin, true);

	a->withdrawn = 0;
	a->joined = CLOCK_NONE;
	a->messages = 0;
	return a;
}

static void
window_fills(const struct alert_series *w, struct window *window, int64_t begin)
{
	struct window *before = find_window(w, begin - w->length, false);
	struct alert *a = NULL, *next;
	int64_t end = begin + w->length, from = begin;

	if (before != NULL && before->full != 0)
		a = alert_of(w, before, &from);
	if (a == NULL) {
		from = begin;
		a = begin_alert(w, begin);
	}
	a->messages += window->messages;
	next = find_alert(w, begin + w->length, false);
	if (next != NULL && next->withdrawn == 0) {
		end = next->end;
		a->messages += next->messages;
		withdraw_alert(w, next, from);
	}
	window->full = 1;
	window->alert = from;
	a->end = end;
	a->ended = 0;
	schedule_alert(w, a, end + w->length);
	keyed_state_emit(&w->f->table, a);
}

static void
count_in_window(
    struct alerts *f, const struct streaming_metric_message *m, unsigned rule)
{
	struct alert_series w = { f, rule, m->user, f->rules[rule].length };
	int64_t begin = streaming_metric_span(m->at, w.length), from;
	struct window *window = find_window(&w, begin, true);
	struct alert *a;

	window->messages++;
	keyed_state_change(&f->windows, window);
	if (window->full == 0) {
		if (window->messages > f->rules[rule].threshold)
			window_fills(&w, window, begin);
		return;
	}
	a = alert_of(&w, window, &from);
	if (a == NULL)
		return;
	a->messages++;
	keyed_state_emit(&f->table, a);
}

static void
alerts_add(void *ctx, const struct streaming_metric_message *m)
{
	unsigned i;

	for (i = 0; i < RULES && m->user.p != NULL; i++)
		count_in_window(ctx, m, i);
}

/* Reads the key of an alert; returns its start. */
static int64_t
read_alert_key(const struct alerts *f, struct text key, struct alert_series *w)
{
	size_t at = 0;

	w->f = (struct alerts *)(uintptr_t)f;
	w->user = key_read_text(key, &at);
	w->rule = key_read_byte(key, &at) % RULES;
	w->length = f->rules[w->rule].length;
	return key_read_time(key, &at);
}

/* Reviews an alert that is due: it has ended, or it is deleted because nothing
 * can change it any longer. */
static void
review_alert(struct alerts *f, struct text key, int64_t due)
{
	struct alert *a = keyed_state_find(&f->table, key.p, key.len);
	struct alert_series w;

	if (a == NULL || a->due != due)
		return;
	(void)read_alert_key(f, key, &w);
	a->due = CLOCK_NONE;
	keyed_state_change(&f->table, a);
	if (a->withdrawn == 0 && a->ended == 0) {
		if (a->end + w.length > f->table.home->newest) {
			schedule_alert(&w, a, a->end + w.length);
			return;
		}
		a->ended = 1;
		keyed_state_emit(&f->table, a);
	}
	if (f->window == 0)
		return;
	due = a->end + w.length + f->window;
	if (due > f->table.home->newest)
		schedule_alert(&w, a, due);
	else
		keyed_state_delete(&f->table, a);
}

static void
alerts_advance(void *ctx, int64_t newest)
{
	struct alerts *f = ctx;
	struct text key;
	int64_t due;

	while (timer_queue_next(&f->timer_queue, newest, &key, &due))
		review_alert(f, key, due);
}

static void
alerts_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	const struct alerts *f = ctx;
	const struct alert *a = entry;
	struct alert_series w;
	int64_t begin = read_alert_key(f, keyed_state_key(a), &w);
	const struct rule *rule = &f->rules[w.rule];
	int64_t end = a->ended != 0 ? a->end : CLOCK_NONE;
	struct cell *c;

	if (a->withdrawn != 0 && which == ROWS_ALL)
		return;
	c = rowset_add(to);
	c = cell_number(c, begin);
	c = cell_id(c, w.user);
	c = cell_text(c, rule->name);
	c = cell_number(c, a->withdrawn != 0 ? begin : end);
	c = cell_count(c, a->messages);
	cell_count(c, rule->threshold);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct alerts),
	.open = alerts_open,
	.add = alerts_add,
	.advance = alerts_advance,
	.row = alerts_row,
};

const struct metric metric_alerts = {
	.table = &tables[TABLE_alerts],
	.streaming = &ops,
};
