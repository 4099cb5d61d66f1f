/*
 * Tests of aggregator/model: whatever the order in which records come, how
 * often, and in how many ticks, a lasting model ends with the rows of one that
 * was settled once, and has told of the same intervals; also when it was
 * packed and unpacked in between, and forgot what it may forget.
 */
#include "tests/unit/model_world.h"

/* The store of a lasting model, in memory. */
struct store {
	struct strmap heads;     /* number -> bytes */
	struct strmap numbers;   /* chat -> number */
	struct strmap segments;  /* number, segment -> bytes */
	struct strmap operators; /* id -> bytes */
	struct strmap events;    /* key -> bytes */
	struct strmap seen;      /* serial -> span and bytes */
	struct buf tenant;
	uint64_t next, runs;
	struct seen_seed seed;
};

static void
free_buf(void *p)
{
	buf_release(p);
	free(p);
}

/* The bytes under the key, emptied. */
static struct buf *
place(struct strmap *m, const void *key, size_t len)
{
	void **slot = strmap_put(m, key, len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct buf));
	buf_clear(*slot);
	return *slot;
}

static struct buf *
find(struct strmap *m, const void *key, size_t len)
{
	return strmap_get(m, key, len);
}

static void
forget(struct strmap *m, const void *key, size_t len)
{
	void *old = strmap_delete(m, key, len);

	if (old != NULL)
		free_buf(old);
}

static void
release_store(struct store *s)
{
	strmap_release(&s->heads, free_buf);
	strmap_release(&s->numbers, NULL);
	strmap_release(&s->segments, free_buf);
	strmap_release(&s->operators, free_buf);
	strmap_release(&s->events, free_buf);
	strmap_release(&s->seen, free_buf);
	buf_release(&s->tenant);
}

struct key {
	uint64_t number, segment;
};

static void
save_segments(
    struct store *s, const struct model *m, const struct chat *c, bool all)
{
	struct model_segments x = model_segments(c);
	struct key k = { c->number, all ? 0 : x.from };

	for (; k.segment < x.to; k.segment++)
		model_pack_segment(
		    m, c, k.segment, place(&s->segments, &k, sizeof k));
	for (; k.segment < x.stored; k.segment++)
		forget(&s->segments, &k, sizeof k);
}

static void
save_chat(struct store *s, const struct model *m, struct chat *c)
{
	struct text id = chat_id(c);
	bool fresh = c->number == 0;

	if (chat_is_gone(c)) {
		save_segments(s, m, c, true);
		forget(&s->heads, &c->number, sizeof c->number);
		(void)strmap_delete(&s->numbers, id.p, id.len);
		return;
	}
	if (fresh)
		c->number = ++s->next;
	*strmap_put(&s->numbers, id.p, id.len) = (void *)(uintptr_t)c->number;
	model_pack_chat(m, c, place(&s->heads, &c->number, sizeof c->number));
	save_segments(s, m, c, fresh);
}

static void
save_run(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct store *s = ctx;
	struct buf *b = place(&s->seen, &s->runs, sizeof s->runs);

	s->runs++;
	buf_add(b, &span, sizeof span);
	buf_add(b, p, len);
}

/* One transaction: what changed. */
static void
save(struct store *s, const struct model *m)
{
	const struct model_changes *x = &m->changes;
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct text id;
	size_t i;

	for (i = 0; i < x->chats_n; i++)
		save_chat(s, m, x->chats[i]);
	for (i = 0; i < x->operators_n; i++) {
		id = operator_id(m, x->operators[i]);
		model_pack_operator(
		    m, x->operators[i], place(&s->operators, id.p, id.len));
	}
	for (i = 0; i < x->events_n; i++) {
		buf_clear(&key);
		buf_clear(&value);
		model_pack_event(m, x->events[i], &key, &value);
		buf_add(place(&s->events, key.data, key.len), value.data,
		    value.len);
	}
	model_pack_seen(m, s, save_run);
	buf_clear(&s->tenant);
	model_pack_tenant(m, &s->tenant);
	buf_release(&key);
	buf_release(&value);
}

static struct store *fetched_from;

/* What the tests would prove nothing without. */
static size_t fetches, forgotten, gone, compared;

static void
fetch(void *ctx, struct model *m, struct chat *c)
{
	struct key k = { c->number, 0 };
	const struct buf *b;

	(void)ctx;
	fetches++;
	while ((b = find(&fetched_from->segments, &k, sizeof k)) != NULL) {
		assert_int_equal(
		    model_unpack_segment(m, c, b->data, b->len), 0);
		k.segment++;
	}
}

static void
load(struct store *s, struct model *m)
{
	const struct strmap_entry *e;
	const struct buf *b;
	uint64_t number;
	uint16_t span;
	size_t i;

	assert_int_equal(
	    model_unpack_tenant(m, s->tenant.data, s->tenant.len), 0);
	for (i = 0; (e = strmap_next(&s->operators, &i)) != NULL;) {
		b = e->value;
		assert_int_equal(model_unpack_operator(m, b->data, b->len), 0);
	}
	for (i = 0; (e = strmap_next(&s->heads, &i)) != NULL;) {
		b = e->value;
		memcpy(&number, e->key, sizeof number);
		assert_int_equal(
		    model_unpack_chat(m, b->data, b->len, number), 0);
	}
	for (i = 0; (e = strmap_next(&s->events, &i)) != NULL;) {
		b = e->value;
		assert_int_equal(
		    model_unpack_event(m, e->key, e->key_len, b->data, b->len),
		    0);
	}
	for (i = 0; (e = strmap_next(&s->seen, &i)) != NULL;) {
		b = e->value;
		memcpy(&span, b->data, sizeof span);
		if (!model_span_is_over(m, span))
			assert_int_equal(
			    model_unpack_seen(m, span, b->data + sizeof span,
				b->len - sizeof span),
			    0);
	}
}

static void
set_up_model(struct model *m, struct bag *intervals, const struct rules *rules,
    int64_t window)
{
	struct text tenant = { "t", 1 };

	model_init(m, tenant, true, CLOCK_NONE);
	m->lasting = true;
	m->window = window;
	m->rules = rules;
	m->ctx = intervals;
	m->interval = world_interval;
	m->fetch = fetch;
}

/* Rows as a database keeps them: the last one of each key. */
struct table {
	struct strmap rows; /* table and key -> owned text */
};

static size_t
key_columns(const struct figure *f)
{
	return strcmp(f->table, "tenant_metrics") == 0 ? 0
	       : strcmp(f->table, "event_counts") == 0 ? 2
						       : 1;
}

static bool
counts_nothing(const struct figure *f, const struct cell *c)
{
	if (strcmp(f->table, "chat_metrics") == 0)
		return text_is(c[figure_column(f, "status")].text, "left");
	if (strcmp(f->table, "event_counts") == 0)
		return c[2].n == 0;
	/* An operator who is not listed has no name that changes here. */
	if (strcmp(f->table, "operator_metrics") == 0)
		return c[figure_column(f, "open_chats")].n == 0 &&
		       c[figure_column(f, "responses")].n == 0 &&
		       !c[figure_column(f, "name")].set;
	return false;
}

static void
take_changed(struct table *t, const struct model *m)
{
	struct buf key = BUF_INIT, row = BUF_INIT;
	const struct cell *c;
	size_t i, j, k;
	void **slot;

	for (i = 0; i < figures_n; i++) {
		struct rowset rows = { .figure = figures[i] };

		if (!world_has(figures[i]))
			continue;
		figures[i]->emit(m, &rows, ROWS_CHANGED);
		for (j = 0; j < rows.n; j++) {
			c = rowset_get(&rows, j);
			buf_clear(&key);
			buf_adds(&key, figures[i]->table);
			for (k = 0; k < key_columns(figures[i]); k++)
				buf_addf(&key, " %.*s", TEXT_ARG(c[k].text));
			world_row(&row, figures[i], c);
			slot = strmap_put(&t->rows, key.data, key.len);
			free(*slot);
			*slot = counts_nothing(figures[i], c)
				    ? NULL
				    : xstrndup(row.data, row.len);
		}
		rowset_release(&rows);
	}
	buf_release(&key);
	buf_release(&row);
}

static void
table_to_bag(const struct table *t, struct bag *to)
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
settle_at_once(const struct line *v, size_t n, const struct rules *rules,
    bool prompt, struct bag *rows, struct bag *intervals)
{
	struct text tenant = { "t", 1 };
	struct model m;
	size_t i;

	model_init(&m, tenant, true, CLOCK_NONE);
	m.prompt = prompt;
	m.ctx = intervals;
	m.interval = world_interval;
	for (i = 0; i < n; i++)
		assert_int_not_equal(model_add(&m, &v[i].r), MODEL_LATE);
	model_settle(&m, rules);
	world_rows(&m, rows);
	model_release(&m);
}

static void
note(const struct model *m)
{
	size_t i;

	for (i = 0; i < m->changes.chats_n; i++) {
		gone += chat_is_gone(m->changes.chats[i]);
		forgotten += m->changes.chats[i]->forgotten.at != CLOCK_NONE;
	}
}

/* In ticks; every now and then the process dies and comes back. */
static void
settle_in_ticks(const struct line *v, size_t n, const struct rules *rules,
    int64_t window, size_t ticks, struct bag *rows, struct bag *changed,
    struct bag *intervals)
{
	struct store store = { .next = 0 };
	struct table table = { .rows = STRMAP_INIT };
	struct model m;
	size_t i;

	fetched_from = &store;
	set_up_model(&m, intervals, rules, window);
	store.seed = m.seed;
	for (i = 0; i < n; i++) {
		assert_int_not_equal(model_add(&m, &v[i].r), MODEL_LATE);
		if (world_random(n) >= ticks && i + 1 < n)
			continue;
		if (i + 1 == n)
			model_mark_waits(&m);
		model_settle(&m, rules);
		take_changed(&table, &m);
		save(&store, &m);
		note(&m);
		if (i + 1 == n || world_random(4) > 0) {
			model_clear_changed(&m);
			continue;
		}
		model_release(&m);
		set_up_model(&m, intervals, rules, window);
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
compare_models(const struct world *w, const struct rules *rules, int64_t window,
    uint64_t seed)
{
	struct bag rows[4] = { { STRMAP_INIT } }, told[3] = { { STRMAP_INIT } };
	struct line *v;
	size_t n, i, before = gone;

	world_state = seed;
	v = world_make(w, &n);
	settle_at_once(v, n, rules, false, &rows[0], &told[0]);
	settle_at_once(v, n, rules, true, &rows[1], &told[1]);
	settle_in_ticks(v, n, rules, window, 40, &rows[2], &rows[3], &told[2]);
	bag_same(&rows[0], &rows[1], "rows, prompt");
	bag_same(&told[0], &told[1], "intervals, prompt");
	/* With a chat that left goes what its return would have to know, but
	 * in an orderly world. */
	if (gone == before || w->orderly) {
		bag_same(&told[0], &told[2], "intervals, in ticks");
		bag_same(&rows[0], &rows[2], "rows, in ticks");
		bag_same(&rows[0], &rows[3], "changed rows, in ticks");
		compared++;
	}
	for (i = 0; i < ARRAY_LEN(rows); i++)
		bag_release(&rows[i]);
	for (i = 0; i < ARRAY_LEN(told); i++)
		bag_release(&told[i]);
	free(v);
}

static void
compare_worlds(const struct world *w, int64_t window)
{
	uint64_t seed, first = (uint64_t)clock_now_ms();
	const char *given = getenv("SEED");

	if (given != NULL)
		first = strtoull(given, NULL, 10);
	fetches = 0;
	forgotten = 0;
	gone = 0;
	compared = 0;
	for (seed = first; seed < first + 25; seed++) {
		print_message("SEED=%llu\n", (unsigned long long)seed);
		compare_models(w, &rules_ours, window, seed | 1);
		/* There a chat's whole life counts, as long as it is held. */
		if (!w->orderly)
			compare_models(w, &rules_chatwoot, window, seed | 1);
	}
	assert_true(fetches > 0);
	assert_true(compared > 0);
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
	assert_int_equal(forgotten + gone, 0);
}

/* Chats that go on all the time, of which past episodes are forgotten. */
static void
what_is_forgotten_is_not_missed(void **state)
{
	const struct world w = { .chats = 3,
		.records = 1200,
		.step = 20000,
		.late = 500000,
		.transfers = true,
		.descriptions = true,
		.events = true,
		.modest = true };

	(void)state;
	compare_worlds(&w, 700000);
	assert_true(forgotten > 0);
}

/* Chats that are closed and leave, and may come back. */
static void
chats_leave_and_come_back(void **state)
{
	const struct world w = { .chats = 40,
		.records = 1200,
		.step = 20000,
		.late = 500000,
		.orderly = true };

	(void)state;
	compare_worlds(&w, 700000);
	assert_true(gone > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same),
		cmocka_unit_test(what_is_forgotten_is_not_missed),
		cmocka_unit_test(chats_leave_and_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
