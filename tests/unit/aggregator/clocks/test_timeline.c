/*
 * Tests of aggregator/clocks/timeline: the order of ids and messages, and which
 * version of a message counts.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/clocks/timeline.h"

/* In the order of messaging-metrics(7); no two are equal. */
static const char *const ordered[] = { "0", "1", "2", "9", "10", "11", "99",
	"9007199254740993", "9007199254740994", "18446744073709551615",
	"18446744073709551616", "100000000000000000000000000000000000000", "-1",
	"00", "01", "1.5", "10a", "1a", "A", "a", "a0", "b", "\xc3\xa9" };

static void
ids_are_ordered_by_value_then_by_bytes(void **state)
{
	size_t i, j;
	int c;

	(void)state;
	for (i = 0; i < ARRAY_LEN(ordered); i++) {
		for (j = 0; j < ARRAY_LEN(ordered); j++) {
			c = id_compare(ordered[i], strlen(ordered[i]),
			    ordered[j], strlen(ordered[j]));
			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				fail_msg("'%s' and '%s': %d", ordered[i],
				    ordered[j], c);
		}
	}
}

static struct lexicon lexicon;
static struct timeline_scratch timeline;

static uint32_t
name(const char *s)
{
	struct text t = { s, strlen(s) };

	return interner_get(&lexicon.names, t);
}

static unsigned
kind(const char *s)
{
	struct text t = { s, strlen(s) };

	return lexicon_kind(&lexicon, t);
}

static int
set_up(void **state)
{
	(void)state;
	lexicon_init(&lexicon);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(timeline.merged);
	lexicon_release(&lexicon);
	return 0;
}

static unsigned
channel(const char *s)
{
	struct text t = { s, strlen(s) };

	return lexicon_channel(&lexicon, t);
}

static struct message
message(const char *id, int64_t at)
{
	struct text t = { id, strlen(id) };
	struct message m = { .id = message_id_make(&lexicon.message_ids, t),
		.from = FROM_CUSTOMER };

	message_set_at(&m, at);
	return m;
}

static void
assert_id(const struct message *m, const char *want)
{
	char buf[MESSAGE_ID_TEXT];
	struct text t = message_id_text(&lexicon.message_ids, m->id, buf);

	if (!text_is(t, want))
		fail_msg("'%.*s' instead of '%s'", TEXT_ARG(t), want);
}

/* Each version replaces the one before it, because of the named field. */
static void
the_greater_version_wins(void **state)
{
	struct message v[12];
	size_t i, j;
	int c;

	(void)state;
	(void)channel("whatsapp");
	for (i = 0; i < ARRAY_LEN(v); i++)
		v[i] = message("1", 100);
	for (i = 1; i < ARRAY_LEN(v); i++) {
		/* Later versions keep the data that an earlier one added. */
		if (i >= 1)
			v[i].channel = channel("sms") & LEXICON_CHANNELS;
		if (i >= 2) /* by its bytes, too, not in the order of arrival */
			v[i].channel = channel("whatsapp") & LEXICON_CHANNELS;
		if (i >= 3)
			v[i].automated = true;
		if (i >= 4)
			v[i].is_private = true;
		if (i >= 5)
			v[i].kind = kind("image") & 127u;
		if (i >= 6)
			v[i].operator_id = name("7");
		if (i >= 7)
			v[i].user = name("10");
		if (i >= 8)
			v[i].user = name("9"); /* by bytes, not by value */
		if (i >= 9)
			v[i].from = FROM_OPERATOR; /* by its word */
		if (i >= 10)
			message_set_updated(&v[i], 5);
		if (i >= 11) {
			/* The time of the change is compared first. */
			v[i] = message("1", 1);
			message_set_updated(&v[i], 6);
		}
	}
	for (i = 0; i < ARRAY_LEN(v); i++) {
		for (j = 0; j < ARRAY_LEN(v); j++) {
			c = message_compare_version(&lexicon, &v[i], &v[j]);
			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				fail_msg("version %zu against %zu", i, j);
		}
	}
}

static struct message
written_by(enum message_from from, const char *user, const char *operator_id)
{
	struct message m = message("1", 100);

	m.from = (unsigned)from & 7u;
	m.user = user != NULL ? name(user) : 0;
	m.operator_id = operator_id != NULL ? name(operator_id) : 0;
	return m;
}

/* As in the sink's comparison of rows, which have both. In other messages the
 * operator is not the writer. */
static void
an_operator_named_once_is_compared_as_both(void **state)
{
	const struct message v[] = {
		written_by(FROM_OPERATOR, NULL, NULL),
		written_by(FROM_OPERATOR, "5", "3"),
		written_by(FROM_OPERATOR, "5", NULL),
		written_by(FROM_OPERATOR, NULL, "7"),
		written_by(FROM_OPERATOR, "7", "8"),
	};
	const struct message one[] = { written_by(FROM_OPERATOR, "7", NULL),
		written_by(FROM_OPERATOR, NULL, "7"),
		written_by(FROM_OPERATOR, "7", "7") };
	const struct message system[] = { written_by(FROM_SYSTEM, "5", NULL),
		written_by(FROM_SYSTEM, "5", "3"),
		written_by(FROM_SYSTEM, "7", NULL) };
	size_t i;

	(void)state;
	for (i = 1; i < ARRAY_LEN(v); i++)
		assert_true(
		    message_compare_version(&lexicon, &v[i], &v[i - 1]) > 0);
	for (i = 0; i < ARRAY_LEN(one); i++)
		assert_int_equal(
		    message_compare_version(&lexicon, &one[i], &one[0]), 0);
	for (i = 1; i < ARRAY_LEN(system); i++)
		assert_true(message_compare_version(
				&lexicon, &system[i], &system[i - 1]) > 0);
}

static void
messages_at_one_instant_are_ordered_by_id(void **state)
{
	struct message m[] = { message("b", 5), message("10", 5),
		message("m-2", 5), message("a", 5), message("m-1", 5),
		message("9", 5), message("zz", 4) };
	static const char *const want[] = { "zz", "9", "10", "b", "m-2", "a",
		"m-1" };
	size_t i;

	(void)state;
	assert_int_equal(timeline_sort(&timeline, m, ARRAY_LEN(m), 0), 0);
	for (i = 0; i < ARRAY_LEN(m); i++)
		assert_id(&m[i], want[i]);
}

static void
nothing_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(timeline_sort(&timeline, NULL, 0, 0), 0);
}

/* Stored ids mean the same as their texts, for every kind of id. */
static void
ids_stand_for_their_texts(void **state)
{
	static const char *const more[] = { "m-0000000001", "m-0000000002",
		"m-000000002", "n-0000000001", "m-00000000017", "m-x", "m-",
		"a-prefix-that-is-too-long-1", "99999999999999",
		"100000000000000", "999999999999999999", "1000000000000000000",
		"x99999999999999", "x100000000000000",
		"0000000000000000000000000000001" };
	const char *texts[ARRAY_LEN(ordered) + ARRAY_LEN(more)];
	message_id words[ARRAY_LEN(texts)], again;
	struct text a, b;
	char buf[MESSAGE_ID_TEXT];
	size_t i, j;
	int c, want;

	(void)state;
	memcpy(texts, ordered, sizeof ordered);
	memcpy(texts + ARRAY_LEN(ordered), more, sizeof more);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		a.p = texts[i];
		a.len = strlen(a.p);
		words[i] = message_id_make(&lexicon.message_ids, a);
		again = message_id_make(&lexicon.message_ids, a);
		assert_true(message_id_same(words[i], again));
		message_id_drop(&lexicon.message_ids, again);
		b = message_id_text(&lexicon.message_ids, words[i], buf);
		if (!text_is(b, texts[i]))
			fail_msg("'%.*s' for '%s'", TEXT_ARG(b), texts[i]);
	}
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		for (j = 0; j < ARRAY_LEN(texts); j++) {
			c = message_id_compare(words[i], words[j]);
			want = id_compare(texts[i], strlen(texts[i]), texts[j],
			    strlen(texts[j]));
			if (!id_is_number(texts[i], strlen(texts[i])) &&
			    !id_is_number(texts[j], strlen(texts[j])))
				want = 0;
			if ((c > 0) - (c < 0) != (want > 0) - (want < 0))
				fail_msg("'%s' and '%s'", texts[i], texts[j]);
			assert_int_equal(
			    message_id_same(words[i], words[j]), i == j);
		}
	}
}

/* The space of a dropped id is reused by an id of the same size, up to the
 * longest one, and nothing else changes. */
static void
dropped_ids_leave_their_room(void **state)
{
	static const char prefixed[] = "m-0000000017";
	struct text t = { prefixed, sizeof prefixed - 1 };
	char longest[RECORD_MAX_ID], buf[MESSAGE_ID_TEXT];
	struct message_ids x;
	message_id word, other;
	size_t len;

	(void)state;
	message_ids_init(&x);
	memset(longest, 'x', sizeof longest);
	for (len = 1; len <= sizeof longest; len++) {
		word = message_id_make(&x, (struct text){ longest, len });
		message_id_drop(&x, word);
		other = message_id_make(&x, t);
		assert_true(message_id_same(message_id_make(&x, t), other));
		assert_int_equal(
		    message_id_make(&x, (struct text){ longest, len }), word);
		assert_true(text_is(message_id_text(&x, other, buf), prefixed));
	}
	message_ids_release(&x);
}

/* Only some prefixes are kept; ids with other prefixes are stored as text and
 * mean the same. */
static void
prefixes_have_a_limit(void **state)
{
	message_id first[2 * MESSAGE_ID_PREFIXES];
	char id[32], buf[MESSAGE_ID_TEXT];
	struct text t = { id, 0 };
	size_t i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_LEN(first); i++) {
			t.len = (size_t)snprintf(id, sizeof id, "p%zux-17", i);
			if (round == 0)
				first[i] =
				    message_id_make(&lexicon.message_ids, t);
			assert_true(message_id_same(first[i],
			    message_id_make(&lexicon.message_ids, t)));
			assert_true(
			    text_is(message_id_text(
					&lexicon.message_ids, first[i], buf),
				id));
		}
	}
}

/* After the first kinds, all others have the last number, which names none of
 * them. */
static void
kinds_have_a_limit(void **state)
{
	struct lexicon x;
	char name_of_kind[16];
	struct text t = { name_of_kind, 0 };
	uint32_t other;
	unsigned i, round;

	(void)state;
	lexicon_init(&x);
	other = x.kinds[LEXICON_KINDS];
	for (round = 0; round < 2; round++) {
		for (i = 1; i <= 2 * LEXICON_KINDS; i++) {
			t.len = (size_t)snprintf(
			    name_of_kind, sizeof name_of_kind, "kind-%u", i);
			assert_int_equal(lexicon_kind(&x, t),
			    i < LEXICON_KINDS ? i : LEXICON_KINDS);
		}
	}
	assert_int_equal(x.kinds[LEXICON_KINDS], other);
	lexicon_release(&x);
}

/* An unused entry is removed, and its number is used again. */
static void
interner_come_and_go(void **state)
{
	char id[80];
	struct text t = { id, 0 };
	uint32_t most = lexicon.names.n, keep, i, live = lexicon.names.live;
	uint32_t numbers[100];
	size_t round;

	(void)state;
	keep = name("kept");
	for (round = 0; round < 200; round++) {
		for (i = 0; i < ARRAY_LEN(numbers); i++) {
			/* Long ones, too, which are stored elsewhere. */
			t.len = (size_t)snprintf(id, sizeof id, "%0*zu",
			    i % 7 == 0 ? 60 : 6, round * 1000 + i);
			numbers[i] = interner_get(&lexicon.names, t);
			assert_int_equal(
			    numbers[i], interner_get(&lexicon.names, t));
			interner_drop(&lexicon.names, numbers[i]);
		}
		for (i = 0; i < ARRAY_LEN(numbers); i++) {
			t = interner_text(&lexicon.names, numbers[i]);
			assert_int_equal(t.len, i % 7 == 0 ? 60 : 6);
			assert_int_equal(
			    strtoul(t.p, NULL, 10), round * 1000 + i);
			interner_drop(&lexicon.names, numbers[i]);
		}
		t.p = id;
	}
	assert_int_equal(lexicon.names.live, live + 1);
	assert_true(lexicon.names.n <= most + 1 + ARRAY_LEN(numbers));
	assert_true(text_is(interner_text(&lexicon.names, keep), "kept"));
}

/* Names are found again after any other lookups, even of names with the same
 * length and ending. */
static void
channels_keep_their_numbers(void **state)
{
	static const char *const names[] = { "sms", "webchat", "a.mail",
		"b.mail", "c.mail", "x" };
	unsigned numbers[ARRAY_LEN(names)];
	size_t i, round;

	(void)state;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		numbers[i] = channel(names[i]);
		assert_true(text_is(
		    lexicon_channel_text(&lexicon, numbers[i]), names[i]));
	}
	for (round = 0; round < 3; round++)
		for (i = 0; i < ARRAY_LEN(names); i++)
			assert_int_equal(channel(names[i]), numbers[i]);
	assert_int_equal(
	    lexicon_channel(&lexicon, (struct text){ NULL, 0 }), 0);
}

int
test_timeline(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_ordered_by_value_then_by_bytes),
		cmocka_unit_test(the_greater_version_wins),
		cmocka_unit_test(an_operator_named_once_is_compared_as_both),
		cmocka_unit_test(messages_at_one_instant_are_ordered_by_id),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(ids_stand_for_their_texts),
		cmocka_unit_test(dropped_ids_leave_their_room),
		cmocka_unit_test(prefixes_have_a_limit),
		cmocka_unit_test(kinds_have_a_limit),
		cmocka_unit_test(interner_come_and_go),
		cmocka_unit_test(channels_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
