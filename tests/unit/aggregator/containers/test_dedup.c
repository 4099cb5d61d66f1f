/*
 * Tests of aggregator/containers/dedup: against a naive set with expiry, while
 * hours pass.
 */
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/containers/strmap.h"

#include "aggregator/containers/dedup.h"

#define HOUR INT64_C(3600000)

static uint64_t state_of_dice = DICE_START;

static uint64_t
dice(uint64_t below)
{
	return dice_below(&state_of_dice, below);
}

static struct text
text(char *to, size_t size, const char *prefix, uint64_t n)
{
	struct text t = { to, 0 };

	t.len =
	    (size_t)snprintf(to, size, "%s%llu", prefix, (unsigned long long)n);
	return t;
}

/* One of so many identities, of one of the last hours: do both know it, and the
 * latest of its hours? */
static void
add(struct dedup *s, struct strmap *naive, uint64_t of, int64_t hour,
    int64_t window)
{
	char chat[32], id[32], key[64];
	struct text c = text(chat, sizeof chat, "chat-", dice(50));
	struct text i = text(id, sizeof id, "", dice(of));
	int n = snprintf(key, sizeof key, "%s %s", chat, id);
	void **slot = strmap_put(naive, key, (size_t)n);
	intptr_t known = (intptr_t)*slot;
	bool fresh = known == 0 || known - 1 < hour - window;
	int64_t mine = hour - (int64_t)dice(3);
	enum dedup_found want = fresh              ? DEDUP_NEW
				: mine > known - 1 ? DEDUP_LATER
						   : DEDUP_KNOWN;
	struct fingerprint f = dedup_fingerprint(s, c, i);
	uint16_t span = dedup_span(mine * HOUR, HOUR);

	if (want != DEDUP_KNOWN)
		*slot = (void *)(intptr_t)(mine + 1);
	assert_int_equal(dedup_find(s, f, span), want);
	if (dedup_add(s, f, span) != want)
		fail_msg("hour %d: %s is not %d", (int)hour, key, want);
}

static void
hours_pass(void **state)
{
	const int64_t window = 3;
	struct strmap naive = STRMAP_INIT;
	struct dedup s;
	int64_t hour;
	size_t i, most = 0;

	(void)state;
	dedup_init(&s, dedup_new_seed(), 0);
	/* Over the end of the 16 bits of an hour, too. */
	for (hour = 65536 * 7 - 40; hour < 65536 * 7 + 40; hour++) {
		dedup_expire(&s, dedup_span((hour - window) * HOUR, HOUR));
		for (i = 0; i < 2000; i++)
			add(&s, &naive, 400, hour, window);
		if (s.n > most)
			most = s.n;
	}
	/* What has expired is swept away: 2000 an hour, four hours held. */
	assert_true(most < 12000);
	dedup_release(&s);
	strmap_release(&naive, NULL);
}

/* Far more than one part's first slots, and none is lost in growing. */
static void
it_grows(void **state)
{
	struct text none = { NULL, 0 };
	struct fingerprint f;
	struct dedup s;
	char id[32];
	size_t i, n = 200000, at = 0, found = 0;
	const uint64_t *words;
	uint64_t sum = 0, *mine;
	enum dedup_found known;

	(void)state;
	dedup_init(&s, dedup_new_seed(), 1);
	for (i = 0; i < n; i++) {
		f = dedup_fingerprint(&s, none, text(id, sizeof id, "m-", i));
		mine = dedup_enter(&s, f, 5, &known);
		assert_int_equal(known, DEDUP_NEW);
		assert_int_equal(*mine, 0);
		*mine = i;
	}
	for (i = 0; i < n; i++) {
		f = dedup_fingerprint(&s, none, text(id, sizeof id, "m-", i));
		mine = dedup_enter(&s, f, 6, &known);
		assert_int_equal(known, DEDUP_LATER);
		assert_int_equal(*mine, i);
	}
	assert_int_equal(s.n, n);
	while ((words = dedup_next(&s, &at, &f)) != NULL) {
		sum += *words;
		found++;
	}
	assert_int_equal(found, n);
	assert_int_equal(sum, n * (n - 1) / 2);
	dedup_release(&s);
}

/* Parts of an identity do not run into each other. */
static void
identities_are_told_apart(void **state)
{
	static const char *const pairs[][2] = { { "a", "bc" }, { "ab", "c" },
		{ "", "abc" }, { "abc", "" }, { NULL, "abc" }, { "bc", "a" },
		{ "c", "ab" }, { "a", "a" }, { "aa", "a" }, { "a", "aa" },
		{ "12345678", "1" }, { "1", "12345678" },
		{ "12345678901234567", "1" }, { "1", "12345678901234567" } };
	struct fingerprint f[sizeof pairs / sizeof *pairs];
	struct dedup s;
	size_t i, j;

	(void)state;
	dedup_init(&s, dedup_new_seed(), 0);
	for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct text a = { pairs[i][0], 0 }, b = { pairs[i][1], 0 };

		a.len = a.p != NULL ? strlen(a.p) : 0;
		b.len = strlen(b.p);
		f[i] = dedup_fingerprint(&s, a, b);
		for (j = 0; j < i; j++) {
			assert_true(f[i].a != f[j].a);
			assert_true(f[i].b != f[j].b);
		}
	}
	dedup_release(&s);
}

/* A short window is cut into short spans, so that little more is kept. */
static void
spans_follow_the_window(void **state)
{
	const int64_t second = 1000;

	(void)state;
	assert_int_equal(dedup_span_ms(0), HOUR);
	assert_int_equal(dedup_span_ms(60 * second), 10 * second);
	assert_int_equal(dedup_span_ms(4 * HOUR), 600 * second);
	assert_int_equal(dedup_span_ms(24 * HOUR), HOUR);
	assert_int_equal(dedup_span_ms(720 * HOUR), HOUR);
	assert_int_equal(dedup_span(0, 10 * second), 0);
	assert_int_equal(dedup_span(9999, 10 * second), 0);
	assert_int_equal(dedup_span(10000, 10 * second), 1);
	assert_int_equal(dedup_span(-1, 10 * second), 65535);
	assert_int_equal(dedup_span(-10000, 10 * second), 65535);
	assert_int_equal(dedup_span(-10001, 10 * second), 65534);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_pass),
		cmocka_unit_test(spans_follow_the_window),
		cmocka_unit_test(it_grows),
		cmocka_unit_test(identities_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
