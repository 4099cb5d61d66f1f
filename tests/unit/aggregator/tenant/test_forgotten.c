/*
 * Tests of what is left of a customer in the state of a stream: in a packed
 * chat, and in the tables of trends.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/tmpdir.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/containers/key.h"
#include "aggregator/model/model_pack.h"
#include "aggregator/tenant/forgotten_words.h"
#include "common/digest/forgotten_id.h"

#define START INT64_C(1795168800000)
#define ASKED (START + 1000)

static struct text
text(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

/* The packed head of a chat of that customer, opened at that time, which three
 * records described alike. */
static void
pack_chat_of(const char *customer, int64_t opened_at, struct buf *to)
{
	struct record r = { .type = RECORD_CHAT,
		.at = START + 5000,
		.opened_at = opened_at,
		.closed_at = CLOCK_NONE,
		.updated_at = CLOCK_NONE,
		.reported_open_chats = RECORD_NO_NUMBER,
		.status = CHAT_OPEN,
		.chat = text("c"),
		.operator_id = text("7"),
		.channel = text("web"),
		.customer = text(customer),
		.customer_name = text("Ann Lee"),
		.customer_phone = text("+551"),
		.tag = text("vip") };
	struct model m;
	int i;

	model_stream_begin(&m, DAY_MS);
	for (i = 0; i < 3; i++, r.at += 1000)
		(void)model_add(&m, &r);
	model_recompute(&m, &definition_ours);
	model_pack_chat(&m, m.chats[0], to);
	model_release(&m);
}

static void
assert_name(const struct model *m, uint32_t name, const char *want)
{
	assert_true(want != NULL ? text_is(model_name(m, name), want)
				 : model_name(m, name).p == NULL);
}

static void
names_phone_and_tag_go(void **state)
{
	static const struct {
		const char *customer;
		int64_t opened_at;
		const char *chat; /* of the order, if it has one */
		bool goes;
	} rows[] = {
		{ "5", START, NULL, true },
		{ "5", ASKED, NULL, true },
		{ "5", CLOCK_NONE, NULL, true },
		{ "5", ASKED + 1, NULL, false },
		{ "55", START, NULL, false },
		{ NULL, START, NULL, false },
		{ NULL, START, "c", true },
		{ NULL, ASKED + 1, "c", false },
		{ NULL, START, "cc", false },
		{ "55", START, "c", false },
	};
	struct forget_order order = { .tenant = text("t"),
		.customer = text("5"),
		.names = text("Ann Lee"),
		.asked_at = ASKED };
	struct buf packed = BUF_INIT, left = BUF_INIT, names = BUF_INIT;
	struct buf chats = BUF_INIT;
	struct model m;
	const struct description *d;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&packed);
		buf_clear(&left);
		buf_clear(&names);
		buf_clear(&chats);
		pack_put_text(&chats, text("b"));
		if (rows[i].chat != NULL)
			pack_put_text(&chats, text(rows[i].chat));
		order.chats = (struct text){ chats.data, chats.len };
		pack_chat_of(rows[i].customer, rows[i].opened_at, &packed);
		assert_int_equal(model_forget_customer(packed.data, packed.len,
				     &order, &left, &names),
		    rows[i].goes);
		assert_string_equal(
		    buf_str(&names), rows[i].goes ? " Ann Lee +551" : "");
		if (!rows[i].goes)
			continue;
		model_init(&m, text("t"), true, CLOCK_NONE);
		assert_int_equal(
		    model_unpack_chat(&m, left.data, left.len, 1), 0);
		assert_int_equal(m.chats[0]->described, 3);
		d = &m.chats[0]->now;
		assert_name(&m, d->customer, rows[i].customer);
		assert_name(&m, d->channel, "web");
		assert_name(&m, d->customer_name, NULL);
		assert_name(&m, d->customer_phone, NULL);
		assert_name(&m, d->tag, NULL);
		model_release(&m);
	}
	assert_false(
	    model_forget_customer("\xff\xff", 2, &order, &left, &names));
	buf_release(&chats);
	buf_release(&packed);
	buf_release(&left);
	buf_release(&names);
}

/* Records of a chat that repeat little of what others said. */
struct part {
	const char *customer, *name, *phone, *tag;
};

static void
pack_chat_in_parts(const struct part *parts, size_t n, struct buf *to)
{
	struct record r = { .type = RECORD_CHAT,
		.opened_at = CLOCK_NONE,
		.closed_at = CLOCK_NONE,
		.updated_at = CLOCK_NONE,
		.reported_open_chats = RECORD_NO_NUMBER,
		.status = CHAT_OPEN,
		.chat = text("c") };
	struct model m;
	size_t i;

	model_stream_begin(&m, DAY_MS);
	for (i = 0; i < n; i++) {
		r.at = START + (int64_t)i;
		r.customer = text(parts[i].customer);
		r.customer_name = text(parts[i].name);
		r.customer_phone = text(parts[i].phone);
		r.tag = text(parts[i].tag);
		(void)model_add(&m, &r);
	}
	model_recompute(&m, &definition_ours);
	model_pack_chat(&m, m.chats[0], to);
	model_release(&m);
}

/* The customer may be named in another record than the rest. */
static void
what_others_go_on_with_goes(void **state)
{
	static const struct {
		struct part parts[3];
		const char *names; /* of the newest first */
	} rows[] = {
		{ { { "5", NULL, NULL, NULL }, { NULL, "Ann", NULL, NULL },
		      { NULL, NULL, "+551", "vip" } },
		    " +551 Ann" },
		{ { { NULL, "Ann", NULL, NULL }, { NULL, NULL, "+551", NULL },
		      { "5", NULL, NULL, NULL } },
		    " +551 Ann" },
		{ { { "5", "Ann", NULL, NULL }, { "6", NULL, NULL, NULL },
		      { NULL, "Bob", NULL, NULL } },
		    " Ann" },
		{ { { "6", NULL, NULL, NULL }, { "6", NULL, NULL, NULL },
		      { NULL, "Bob", NULL, "vip" } },
		    "" },
	};
	const struct forget_order order = { .tenant = text("t"),
		.customer = text("5"),
		.names = text("Ann"),
		.asked_at = ASKED };
	struct buf packed = BUF_INIT, left = BUF_INIT, names = BUF_INIT;
	struct model m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&packed);
		buf_clear(&left);
		buf_clear(&names);
		pack_chat_in_parts(rows[i].parts, 3, &packed);
		assert_int_equal(model_forget_customer(packed.data, packed.len,
				     &order, &left, &names),
		    rows[i].names[0] != '\0');
		assert_string_equal(buf_str(&names), rows[i].names);
		model_init(&m, text("t"), true, CLOCK_NONE);
		assert_int_equal(
		    model_unpack_chat(&m, left.data, left.len, 1), 0);
		assert_name(
		    &m, m.chats[0]->now.customer_name, i < 2 ? NULL : "Bob");
		model_release(&m);
	}
	buf_release(&packed);
	buf_release(&left);
	buf_release(&names);
}

static bool
word_goes_with(
    struct forgotten_words *f, int64_t begin, const char *word, uint64_t n)
{
	struct key k = { 0 }, due = { 0 };
	bool goes;

	key_time(&k, begin);
	key_text(&k, text(word));
	goes = forgotten_words_has(f, "trend_words",
	    (struct text){ (const char *)k.bytes, k.len }, &n, sizeof n);
	key_time(&due, begin + 120000);
	key_time(&due, begin);
	key_text(&due, text(word));
	assert_int_equal(
	    forgotten_words_has(f, "trends_due",
		(struct text){ (const char *)due.bytes, due.len }, "", 0),
	    goes);
	return goes;
}

static void
words_of_names_and_rare_ones_go(void **state)
{
	struct forgotten_words *f = xcalloc(1, sizeof *f);
	struct forget_order order = { .key = { 1, 2 } };
	char digests[2 * FORGOTTEN_DIGEST + 1];
	struct buf why = BUF_INIT;
	struct conf *conf;
	uint64_t n = 1;

	(void)state;
	tmpdir_file("t.conf", "", 0, 0600);
	conf = conf_load("t.conf", &why);
	assert_non_null(conf);
	forgotten_words_init(f, conf, ASKED);
	forgotten_words_add(f, text(" Quorbella O'Neill +551198"));
	forgotten_words_add(
	    f, text("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 "
		    "Vo\u00df I\u015f\u0131k \u0130nan"));
	forgotten_digest(order.key, FORGOTTEN_WORD, "early", 5, digests);
	forgotten_digest(
	    order.key, FORGOTTEN_WORD, "nunor", 5, digests + FORGOTTEN_DIGEST);
	order.words = (struct text){ digests, 2 * FORGOTTEN_DIGEST };
	forgotten_words_add_digests(f, &order);
	assert_true(word_goes_with(f, START, "early", 9));
	assert_true(word_goes_with(f, START, "nu\u00f1or", 9));
	assert_true(word_goes_with(f, START, "quorbella", 9));
	assert_true(word_goes_with(f, START, "neill", 9));
	assert_true(word_goes_with(f, START, "551198", 9));
	/* As they are in capitals, each of which is lower-cased alone. */
	assert_true(word_goes_with(
	    f, START, "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3", 9));
	assert_true(word_goes_with(f, START, "voss", 9));
	assert_true(word_goes_with(f, START, "i\u015fik", 9));
	assert_true(word_goes_with(f, START, "i\u0307nan", 9));
	/* With accents that the name does not have. */
	assert_true(word_goes_with(f, START, "qu\u00f6rb\u00e9lla", 9));
	assert_false(word_goes_with(f, START, "quorbellas", 9));
	assert_false(word_goes_with(f, START, "hello", 3));
	assert_true(word_goes_with(f, START, "hello", 2));
	assert_false(word_goes_with(f, ASKED + 1, "hello", 2));
	assert_false(word_goes_with(f, ASKED + 1, "quorbella", 2));
	assert_false(forgotten_words_has(f, "users", text("x"), &n, sizeof n));
	forgotten_words_release(f);
	free(f);
	conf_free(conf);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_phone_and_tag_go),
		cmocka_unit_test(what_others_go_on_with_goes),
		cmocka_unit_test(words_of_names_and_rare_ones_go),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
