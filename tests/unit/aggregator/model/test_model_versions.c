/*
 * Tests of aggregator/model_messages and model_duplicates: how long a message
 * is known of which versions with other times came, over a restart; and that
 * what comes so late that a flush may have dropped what it is about makes the
 * same of it, whether one has or not.
 */
#include "tests/unit/model_store.h"

#include "common/base/clock.h"

#include "tests/unit/model_stream.h"

#define START INT64_C(1795168800000)
#define DAY (24 * HOUR_MS)
#define MINUTE (60 * INT64_C(1000))

/* What may come between two records. */
enum between { NOTHING, FLUSH, RESTART, BETWEENS };

static struct store store;
static int64_t resolutions; /* their lengths together, as reported, */
static int64_t credited;    /* and of those that somebody has */

static void
sum_resolutions(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	int64_t ms = withdrawn ? -i->ms : i->ms;

	(void)ctx;
	(void)c;
	if (i->kind != INTERVAL_RESOLUTION)
		return;
	resolutions += ms;
	if (interval_operator(m, i).p != NULL)
		credited += ms;
}

static void
begin(struct model *m)
{
	model_stream_begin(m, DAY);
	m->memory = DAY;
	m->fetch = fetch;
	m->on_interval = sum_resolutions;
	if (store.seed.k[0] != 0)
		m->seed = store.seed;
	store.seed = m->seed;
	fetched_from = &store;
}

static void
end(struct model *m)
{
	model_release(m);
	release_store(&store);
	memset(&store, 0, sizeof store);
	resolutions = credited = 0;
}

static void
happen(struct model *m, enum between what)
{
	if (what == NOTHING)
		return;
	model_recompute(m, &definition_ours);
	save(&store, m);
	model_clear_changed(m);
	if (what != RESTART)
		return;
	model_release(m);
	begin(m);
	load(&store, m);
}

static struct text
text(const char *s)
{
	struct text t = { s, strlen(s) };

	return t;
}

/* updated 0: it was not edited. */
static enum model_result
write_message(struct model *m, const char *chat, const char *id, int64_t at,
    int64_t updated)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = text(chat);
	r.id = text(id);
	r.at = START + at;
	r.from = FROM_CUSTOMER;
	r.user = text("ann");
	if (updated > 0)
		r.updated_at = START + updated;
	return model_add(m, &r);
}

/* So that it is known who holds the chat, and what is past may be dropped. */
static void
describe(struct model *m, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = text("a");
	r.at = START + at;
	r.status = CHAT_OPEN;
	r.operator_id = text("7");
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

static void
close_chat(struct model *m, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = text("a");
	r.id = text("closed");
	r.at = START + at;
	r.from = FROM_SYSTEM;
	r.kind = text("closed");
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

static uint32_t
messages_of(struct model *m, const char *chat)
{
	happen(m, FLUSH);
	return model_find_chat(m, text(chat))->messages_counted;
}

/* A version that counts is known for a window of its own. */
static void
the_latest_time_says_how_long(void **state)
{
	enum between what;
	struct model m;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		assert_int_equal(write_message(&m, "a", "1", 0, 0), MODEL_NEW);
		happen(&m, what);
		assert_int_equal(write_message(&m, "a", "1", 23 * HOUR_MS, 0),
		    MODEL_VERSION);
		(void)write_message(&m, "b", "2", 25 * HOUR_MS + MINUTE, 0);
		happen(&m, what);
		(void)write_message(&m, "b", "3", 25 * HOUR_MS + MINUTE, 0);
		assert_int_equal(write_message(&m, "a", "1", 23 * HOUR_MS, 0),
		    MODEL_DUPLICATE);
		assert_int_equal(messages_of(&m, "a"), 1);
		end(&m);
	}
}

static void
write_event(struct model *m, int64_t at, enum model_result want)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_EVENT;
	r.id = text("e");
	r.user = text("ann");
	r.event = text("did");
	r.at = START + at;
	assert_int_equal(model_add(m, &r), want);
}

static void
so_it_is_of_an_event(void **state)
{
	enum between what;
	struct model m;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		write_event(&m, 0, MODEL_NEW);
		happen(&m, what);
		write_event(&m, 23 * HOUR_MS, MODEL_VERSION);
		(void)write_message(&m, "b", "2", 25 * HOUR_MS + MINUTE, 0);
		happen(&m, what);
		(void)write_message(&m, "b", "3", 25 * HOUR_MS + MINUTE, 0);
		write_event(&m, 23 * HOUR_MS, MODEL_DUPLICATE);
		end(&m);
	}
}

/* A message that is older than the window is dropped with its episode at the
 * next flush, but still known for up to an hour. */
static void
what_comes_after_the_window_is_not_compared(void **state)
{
	enum between what;
	struct model m;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		describe(&m, 29 * MINUTE);
		(void)write_message(&m, "a", "1", 30 * MINUTE, 0);
		close_chat(&m, 31 * MINUTE);
		(void)write_message(&m, "a", "2", 20 * HOUR_MS, 0);
		(void)write_message(&m, "b", "3", DAY + 40 * MINUTE, 0);
		happen(&m, what);
		/* An edit with another time counts besides. */
		assert_int_equal(
		    write_message(&m, "a", "1", 19 * HOUR_MS, DAY), MODEL_NEW);
		assert_int_equal(messages_of(&m, "a"), 2);
		assert_int_equal(resolutions, MINUTE);
		end(&m);
	}
}

/* An edit moved it back in time; the version before comes again. */
static void
an_older_version_does_not_come_back(void **state)
{
	enum between what;
	struct model m;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		describe(&m, 29 * MINUTE);
		(void)write_message(&m, "a", "1", 19 * HOUR_MS, 0);
		(void)write_message(&m, "a", "1", 30 * MINUTE, 19 * HOUR_MS);
		close_chat(&m, 31 * MINUTE);
		(void)write_message(&m, "a", "2", 20 * HOUR_MS, 0);
		(void)write_message(&m, "b", "3", DAY + 40 * MINUTE, 0);
		happen(&m, what);
		assert_int_equal(write_message(&m, "a", "1", 19 * HOUR_MS, 0),
		    MODEL_DUPLICATE);
		assert_int_equal(messages_of(&m, "a"), 1);
		end(&m);
	}
}

/* A snapshot tells of a message of the episode that is older than the
 * window. */
static void
a_snapshot_adds_nothing_to_what_may_be_dropped(void **state)
{
	enum between what;
	struct model m, s;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		describe(&m, 29 * MINUTE);
		(void)write_message(&m, "a", "1", 30 * MINUTE, 0);
		close_chat(&m, 31 * MINUTE);
		(void)write_message(&m, "a", "2", 20 * HOUR_MS, 0);
		(void)write_message(&m, "b", "3", DAY + 40 * MINUTE, 0);
		happen(&m, what);
		model_init(&s, text("t"), false, START + DAY + 40 * MINUTE);
		(void)write_message(&s, "a", "0", 10 * MINUTE, 0);
		model_merge(&m, &s, NULL);
		model_release(&s);
		happen(&m, FLUSH);
		assert_int_equal(resolutions, MINUTE);
		end(&m);
	}
}

/* It would name who had the chat at any time, but for what is forgotten. */
static void
a_record_without_a_time_reaches_what_is_kept(void **state)
{
	enum between what;
	struct record r;
	struct model m;

	(void)state;
	for (what = NOTHING; what < BETWEENS; what++) {
		begin(&m);
		(void)write_message(&m, "a", "1", 30 * MINUTE, 0);
		close_chat(&m, 31 * MINUTE);
		(void)write_message(&m, "a", "2", 20 * HOUR_MS, 0);
		(void)write_message(&m, "a", "3", 40 * HOUR_MS, 0);
		(void)write_message(&m, "b", "4", 2 * DAY + 40 * MINUTE, 0);
		/* Now it may drop the first episode. */
		(void)write_message(&m, "a", "5", 2 * DAY + 40 * MINUTE, 0);
		happen(&m, what);
		record_clear(&r);
		r.type = RECORD_CHAT;
		r.chat = text("a");
		r.operator_id = text("7");
		assert_int_equal(model_add(&m, &r), MODEL_NEW);
		happen(&m, FLUSH);
		assert_int_equal(resolutions, MINUTE);
		assert_int_equal(credited, 0);
		end(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_time_says_how_long),
		cmocka_unit_test(so_it_is_of_an_event),
		cmocka_unit_test(what_comes_after_the_window_is_not_compared),
		cmocka_unit_test(an_older_version_does_not_come_back),
		cmocka_unit_test(
		    a_snapshot_adds_nothing_to_what_may_be_dropped),
		cmocka_unit_test(a_record_without_a_time_reaches_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
