/*
 * Tests of aggregator/model: in whatever order the records come, how often, and
 * in how many flushes, an incremental model ends with the rows of one that was
 * recomputed once, and has reported the same intervals; also when it was packed
 * and unpacked in between, and dropped what it may drop.
 */
#include "tests/unit/model_store.h"
#include "tests/unit/model_world.h"

/* What the tests would prove nothing without. */
static size_t dropped_n, gone;

static void
set_up_model(struct model *m, struct bag *intervals,
    const struct definition *definition, int64_t window)
{
	struct text tenant = { "t", 1 };

	model_init(m, tenant, true, CLOCK_NONE);
	m->incremental = true;
	m->window = window;
	m->memory = window;
	m->definition = definition;
	m->ctx = intervals;
	m->on_interval = world_interval;
	m->fetch = fetch;
}

/* Rows as a database keeps them: the last one of each key. */
struct database {
	struct strmap rows; /* table and key -> owned text */
};

static bool
counts_nothing(const struct metric *f, const struct cell *c)
{
	if (strcmp(f->table->name, "chat_metrics") == 0)
		return text_is(c[metric_column(f, "status")].text, "left");
	if (strcmp(f->table->name, "event_counts") == 0)
		return c[2].n == 0;
	/* An operator who is not listed has no name that changes here. */
	if (strcmp(f->table->name, "operator_metrics") == 0)
		return c[metric_column(f, "open_chats")].n == 0 &&
		       c[metric_column(f, "responses")].n == 0 &&
		       !c[metric_column(f, "name")].set;
	return false;
}

static void
take_changed(struct database *t, const struct model *m)
{
	struct buf key = BUF_INIT, row = BUF_INIT;
	const struct cell *c;
	size_t i, j, k;
	void **slot;

	for (i = 0; i < metrics_n; i++) {
		struct rowset rows = { .metric = metrics[i] };

		if (!world_has(metrics[i]))
			continue;
		metric_emit(m, &rows, ROWS_CHANGED);
		for (j = 0; j < rows.n; j++) {
			c = rowset_get(&rows, j);
			buf_clear(&key);
			buf_adds(&key, metrics[i]->table->name);
			for (k = 0; k + 1 < metrics[i]->table->keys; k++)
				buf_addf(&key, " %.*s", TEXT_ARG(c[k].text));
			world_row(&row, metrics[i], c);
			slot = strmap_put(&t->rows, key.data, key.len);
			free(*slot);
			*slot = counts_nothing(metrics[i], c)
				    ? NULL
				    : xstrndup(row.data, row.len);
		}
		rowset_release(&rows);
	}
	buf_release(&key);
	buf_release(&row);
}

static void
table_to_bag(const struct database *t, struct bag *to)
{
	const struct strmap_entry *e;
	struct buf b = BUF_INIT;
	size_t i = 0;

	while ((e = strmap_next(&t->rows, &i)) != NULL) {
		if (e->value == NULL)
			continue;
		buf_clear(&b);
		buf_adds(&b, e->value);
		bag_add(to, &b, 1);
	}
	buf_release(&b);
}

static void
recompute_once(const struct line *v, size_t n,
    const struct definition *definition, int64_t window, bool dedup,
    struct bag *rows, struct bag *intervals)
{
	struct text tenant = { "t", 1 };
	struct model m;
	size_t i;

	model_init(&m, tenant, true, CLOCK_NONE);
	m.dedup_on_add = dedup;
	m.memory = window;
	m.ctx = intervals;
	m.on_interval = world_interval;
	for (i = 0; i < n; i++)
		assert_int_not_equal(model_add(&m, &v[i].r), MODEL_LATE);
	model_recompute(&m, definition);
	world_rows(&m, rows);
	model_release(&m);
}

static void
note(const struct model *m)
{
	size_t i;

	for (i = 0; i < m->changes.chats_n; i++) {
		gone += chat_is_gone(m->changes.chats[i]);
		dropped_n += m->changes.chats[i]->dropped.at != CLOCK_NONE;
	}
}

/* In flushes; every now and then the process dies and comes back. */
static void
recompute_in_flushes(const struct line *v, size_t n,
    const struct definition *definition, int64_t window, size_t flushes,
    struct bag *rows, struct bag *changed, struct bag *intervals)
{
	struct store store = { .next = 0 };
	struct database table = { .rows = STRMAP_INIT };
	struct model m;
	size_t i;

	fetched_from = &store;
	set_up_model(&m, intervals, definition, window);
	store.seed = m.seed;
	for (i = 0; i < n; i++) {
		assert_int_not_equal(model_add(&m, &v[i].r), MODEL_LATE);
		if (world_random(n) >= flushes && i + 1 < n)
			continue;
		if (i + 1 == n)
			model_mark_waits(&m);
		model_recompute(&m, definition);
		take_changed(&table, &m);
		save(&store, &m);
		note(&m);
		if (i + 1 == n || world_random(4) > 0) {
			model_clear_changed(&m);
			continue;
		}
		model_release(&m);
		set_up_model(&m, intervals, definition, window);
		m.seed = store.seed;
		load(&store, &m);
	}
	world_rows(&m, rows);
	table_to_bag(&table, changed);
	model_release(&m);
	strmap_release(&table.rows, free);
	release_store(&store);
}

static void
compare_models(const struct line *v, size_t n,
    const struct definition *definition, int64_t window, size_t flushes)
{
	struct bag rows[4] = { { STRMAP_INIT } },
		   intervals[3] = { { STRMAP_INIT } };
	size_t i;

	recompute_once(
	    v, n, definition, window, false, &rows[0], &intervals[0]);
	recompute_once(v, n, definition, window, true, &rows[1], &intervals[1]);
	recompute_in_flushes(v, n, definition, window, flushes, &rows[2],
	    &rows[3], &intervals[2]);
	bag_same(&rows[0], &rows[1], "rows, dedup");
	bag_same(&intervals[0], &intervals[1], "intervals, dedup");
	bag_same(&intervals[0], &intervals[2], "intervals, in flushes");
	bag_same(&rows[0], &rows[2], "rows, in flushes");
	bag_same(&rows[0], &rows[3], "changed rows, in flushes");
	for (i = 0; i < ARRAY_LEN(rows); i++)
		bag_release(&rows[i]);
	for (i = 0; i < ARRAY_LEN(intervals); i++)
		bag_release(&intervals[i]);
}

static void
compare_world(const struct world *w, const struct definition *definition,
    int64_t window, uint64_t seed)
{
	struct line *v;
	size_t n;

	world_state = seed;
	v = world_make(w, &n);
	compare_models(v, n, definition, window, 40);
	free(v);
}

/* SEED=n begins with that world, the last one that is named is the one that
 * failed; WORLDS=n says how many. */
static void
compare_worlds(const struct world *w, int64_t window)
{
	const char *given = getenv("SEED"), *many = getenv("WORLDS");
	uint64_t seed, worlds = 25;

	seed = given != NULL ? strtoull(given, NULL, 10)
			     : (uint64_t)clock_now_ms();
	if (many != NULL)
		worlds = strtoull(many, NULL, 10);
	seed = seed > 0 ? seed : 1; /* the dice have no 0 */
	fetches = 0;
	dropped_n = 0;
	gone = 0;
	for (; worlds > 0; worlds--, seed++) {
		print_message("SEED=%llu\n", (unsigned long long)seed);
		compare_world(w, &definition_ours, window, seed);
		compare_world(w, &definition_chatwoot, window, seed);
	}
	assert_true(fetches > 0);
}

static void
any_order_gives_the_same(void **state)
{
	const struct world w = { .chats = 4,
		.records = 400,
		.step = 20000,
		.transfers = true,
		.descriptions = true,
		.events = true };

	(void)state;
	compare_worlds(&w, 0);
	assert_int_equal(dropped_n + gone, 0);
}

/* Chats that go on all the time, whose past episodes are dropped. */
static void
what_is_forgotten_is_not_missed(void **state)
{
	const struct world w = { .chats = 3,
		.records = 1200,
		.step = 20000,
		.late = 500000,
		.reach = 150000,
		.transfers = true,
		.descriptions = true,
		.events = true };

	(void)state;
	compare_worlds(&w, 700000);
	assert_true(dropped_n > 0);
}

/* Chats that are closed and leave, and may come back. */
static void
chats_leave_and_come_back(void **state)
{
	const struct world w = { .chats = 40,
		.records = 1200,
		.step = 20000,
		.late = 500000,
		.reach = 150000,
		.transfers = true,
		.descriptions = true };

	(void)state;
	compare_worlds(&w, 700000);
	assert_true(gone > 0);
}

/* A step of a chat's story: a chat record with its status, or a message. */
struct step {
	int64_t at;
	const char *chat, *id;
	enum chat_status status;
	enum message_from from;
	const char *kind;
	int64_t opened_at; /* of a chat record; 0: none */
};

#define SAID(time, what, opened)                                               \
	{                                                                      \
		time, "a", NULL, what, FROM_NONE, "", opened                   \
	}
#define WRITTEN(time, id)                                                      \
	{                                                                      \
		time, "a", id, CHAT_NONE, FROM_CUSTOMER, "", 0                 \
	}
#define GIVEN(time, id)                                                        \
	{                                                                      \
		time, "a", id, CHAT_NONE, FROM_SYSTEM, "assigned", 0           \
	}
#define CLOSED(time, id)                                                       \
	{                                                                      \
		time, "a", id, CHAT_NONE, FROM_SYSTEM, "closed", 0             \
	}
/* What moves the window past all before, and is of another chat. */
#define PASSED(time, id)                                                       \
	{                                                                      \
		time, "b", id, CHAT_NONE, FROM_CUSTOMER, "", 0                 \
	}

static void
make_line(struct line *l, const struct step *x)
{
	struct record *r = &l->r;

	record_clear(r);
	r->type = x->id == NULL ? RECORD_CHAT : RECORD_MESSAGE;
	r->at = WORLD_START + x->at;
	r->chat.p = x->chat;
	r->chat.len = 1;
	r->status = x->status;
	r->from = x->from;
	r->kind.p = x->kind;
	r->kind.len = strlen(x->kind);
	if (strcmp(x->kind, "assigned") == 0) {
		r->operator_id.p = "o";
		r->operator_id.len = 1;
	}
	if (x->opened_at != 0)
		r->opened_at = WORLD_START + x->opened_at;
	if (x->id == NULL)
		return;
	r->id.p = x->id;
	r->id.len = strlen(x->id);
}

struct story {
	struct step steps[9];
	int resolutions;
};

static const struct story stories[] = {
	/* A record closes it, the message of that comes late. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      PASSED(900, "2"), PASSED(1100, "3"), CLOSED(600, "4") },
	    1 },
	/* Two of them, one on either side of the window. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      CLOSED(20, "5"), PASSED(900, "2"), PASSED(1100, "3"),
	      CLOSED(600, "4") },
	    1 },
	/* The message is first, so the record reports nothing new. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), CLOSED(10, "5"),
	      SAID(20, CHAT_CLOSED, 0), PASSED(900, "2"), PASSED(1100, "3"),
	      CLOSED(600, "4") },
	    2 },
	/* The record, an episode, its own closing. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      WRITTEN(12, "6"), CLOSED(20, "5"), PASSED(900, "2"),
	      PASSED(1100, "3"), CLOSED(600, "4") },
	    3 },
	/* Of one instant the closing is behind the message. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(10, "1"), SAID(10, CHAT_CLOSED, 0),
	      PASSED(900, "2"), PASSED(1100, "3"), CLOSED(600, "4") },
	    1 },
	/* It is opened again before, which begins no episode, */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      SAID(20, CHAT_OPEN, 0), PASSED(1100, "2"),
	      SAID(1000, CHAT_OPEN, 0), CLOSED(600, "4") },
	    1 },
	/* or does. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      SAID(20, CHAT_OPEN, 15), PASSED(1100, "2"),
	      SAID(1000, CHAT_OPEN, 0), CLOSED(600, "4") },
	    2 },
	/* The episode began at the record's time, before dropped messages. */
	{ { SAID(1, CHAT_OPEN, 1), WRITTEN(5, "1"), SAID(10, CHAT_CLOSED, 0),
	      CLOSED(20, "5"), PASSED(1100, "2"), SAID(1000, CHAT_OPEN, 0),
	      CLOSED(600, "4") },
	    1 },
	/* Of one instant with the closing, but behind it. */
	{ { SAID(1, CHAT_OPEN, 1), WRITTEN(5, "1"), CLOSED(10, "2"),
	      WRITTEN(10, "3"), PASSED(1011, "4"), WRITTEN(1100, "5"),
	      WRITTEN(1101, "6") },
	    1 },
	/* A dropped transfer is between two equal records. */
	{ { SAID(1, CHAT_OPEN, 0), WRITTEN(5, "1"), GIVEN(6, "2"),
	      CLOSED(10, "3"), SAID(50, CHAT_OPEN, 0), PASSED(1100, "4"),
	      WRITTEN(500, "5"), SAID(990, CHAT_OPEN, 0), CLOSED(600, "6") },
	    2 },
};

static int
count_resolutions(const struct line *v, size_t n)
{
	struct bag rows = { STRMAP_INIT }, intervals = { STRMAP_INIT };
	const struct strmap_entry *e;
	size_t i = 0;
	int found = 0;

	recompute_once(v, n, &definition_ours, 1000, false, &rows, &intervals);
	while ((e = strmap_next(&intervals.map, &i)) != NULL)
		if (strncmp(e->key, "a resolution ", 13) == 0)
			found += (int)(intptr_t)e->value;
	bag_release(&rows);
	bag_release(&intervals);
	return found;
}

/* Whether a closing is the one that a chat record reported, and who the
 * assignee is, follows from the times alone, also when that episode was
 * dropped. */
static void
forgotten_ones_are_not_missed_by_the_next(void **state)
{
	struct line v[ARRAY_LEN(stories[0].steps)];
	const struct story *x;
	uint64_t round;
	size_t n;

	(void)state;
	for (x = stories; x < stories + ARRAY_LEN(stories); x++) {
		memset(v, 0, sizeof v);
		for (n = 0; n < ARRAY_LEN(v) && x->steps[n].chat != NULL; n++)
			make_line(&v[n], &x->steps[n]);
		assert_int_equal(count_resolutions(v, n), x->resolutions);
		dropped_n = 0;
		/* The rounds differ in when the process dies. */
		for (round = 1; round <= 20; round++) {
			world_state = round;
			compare_models(v, n, &definition_ours, 1000, n);
		}
		assert_true(dropped_n > 0);
	}
}

/* An opening of before the window, told now, takes back nothing that may be
 * forgotten by now, whether it is or not. */
static void
an_opening_told_late_finds_no_more_than_is_kept(void **state)
{
	static const struct step steps[] = { SAID(1, CHAT_OPEN, 0),
		WRITTEN(5, "1"), WRITTEN(7, "2"), CLOSED(10, "3"),
		WRITTEN(20, "4"), PASSED(1100, "5"), WRITTEN(1050, "6"),
		SAID(1000, CHAT_OPEN, 6) };
	struct bag rows[2] = { { STRMAP_INIT } };
	struct bag changed[2] = { { STRMAP_INIT } };
	struct bag intervals[2] = { { STRMAP_INIT } };
	struct line v[ARRAY_LEN(steps)];
	size_t i, n = ARRAY_LEN(steps);

	(void)state;
	memset(v, 0, sizeof v);
	for (i = 0; i < n; i++)
		make_line(&v[i], &steps[i]);
	dropped_n = 0;
	for (i = 0; i < 2; i++)
		recompute_in_flushes(v, n, &definition_ours, 1000,
		    i == 0 ? 0 : n, &rows[i], &changed[i], &intervals[i]);
	assert_true(dropped_n > 0);
	bag_same(&rows[0], &rows[1], "rows");
	bag_same(&intervals[0], &intervals[1], "intervals");
	for (i = 0; i < 2; i++) {
		bag_release(&rows[i]);
		bag_release(&changed[i]);
		bag_release(&intervals[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same),
		cmocka_unit_test(what_is_forgotten_is_not_missed),
		cmocka_unit_test(chats_leave_and_come_back),
		cmocka_unit_test(forgotten_ones_are_not_missed_by_the_next),
		cmocka_unit_test(
		    an_opening_told_late_finds_no_more_than_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
