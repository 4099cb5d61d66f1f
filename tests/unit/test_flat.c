/*
 * Tests of common/flat: whatever way a line is read, the answer is jansson's.
 * Seeded mutations of good lines are parsed by both and compared.
 */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/flat.h"
#include "common/prog.h"
#include "common/xalloc.h"

static const char *const usual[] = {
	"{\"type\":\"message\",\"id\":\"17\",\"private\":false,\"n\":-12.5}",
	"{\"a\": null, \"b\": true, \"c\": 0}",
	"{\"name\":\"Zo\xC3\xAB \xF0\x9F\x98\x80\",\"big\":12345678901234567}",
	"{\"a\":1,\"a\":\"two\"}",
	"{\"a\":\"q\\\"uote\",\"b\":\"\\u00e9\\ud83d\\ude00\\\\\\/\"}",
	"{\"a\":{\"x\":[1,2, {\"y\":null,\"z\" : \"}\"}], \"\":[]},\"b\":1e3}",
};

static const char *const unusual[] = {
	"{ \"a\" : 1 }",
	"{}",
	"{\"\\u0061\":7}",
	"[1]",
	"{\"a\":18446744073709551616}",
	"{\"a\":01}",
	"{\"a\":1,}",
	"{\"a\":\"\\ud800\"}",
	"{\"a\":\"\\\\ud83d\\ude00\"}",
	"{\"a\":\"\\u0000\"}",
	"{\"a\":1} x",
	"{\"a\":1",
	"{\"\\\\\\\"\":\"\\n\\u00e9\",\t\"b\" :{\"x\\\"]\" : [\"}\"]} }",
	"{\"a\":[1,2}",
	"",
};

/* Compares one field with jansson's value of that key. */
static bool
same_value(const struct flat_field *v, json_t *j)
{
	char number[512];
	json_t *nested;
	bool same;

	switch (json_typeof(j)) {
	case JSON_NULL:
		return v->kind == FLAT_NULL;
	case JSON_TRUE:
		return v->kind == FLAT_TRUE;
	case JSON_FALSE:
		return v->kind == FLAT_FALSE;
	case JSON_STRING:
		return v->kind == FLAT_STRING &&
		       v->val_len == json_string_length(j) &&
		       memcmp(v->val, json_string_value(j), v->val_len) == 0;
	case JSON_INTEGER:
	case JSON_REAL:
		if (v->kind != FLAT_NUMBER || v->val_len >= sizeof number)
			return false;
		memcpy(number, v->val, v->val_len);
		number[v->val_len] = '\0';
		if (json_is_integer(j))
			return strtoll(number, NULL, 10) ==
			       json_integer_value(j);
		return !(strtod(number, NULL) < json_real_value(j)) &&
		       !(strtod(number, NULL) > json_real_value(j));
	case JSON_ARRAY:
	case JSON_OBJECT:
		nested = json_loadb(v->val, v->val_len, 0, NULL);
		same = v->kind == FLAT_JSON && json_equal(nested, j);
		json_decref(nested);
		return same;
	}
	return false;
}

/* True when both accept and agree on every member, or both refuse. */
static bool
agree(struct flat *f, const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL), *j;
	struct buf why = BUF_INIT;
	const char *key;
	bool same, ok;

	ok = flat_parse(f, line, len, &why) == 0;
	same = ok == (json_is_object(root) != 0);
	if (ok && same)
		json_object_foreach(root, key, j)
		{
			const struct flat_field *v = flat_find(f, key);

			same = same && v != NULL && same_value(v, j);
		}
	if (!ok)
		assert_true(why.len > 0);
	buf_release(&why);
	json_decref(root);
	return same;
}

/* A copy with the readable bytes behind it that a reader promises. */
static char *
padded(const char *line, size_t len)
{
	char *p = xcalloc(len + 65, 1);

	memcpy(p, line, len);
	return p;
}

static void
check_one(struct flat *f, const char *line, bool fast, const char *what)
{
	char *p = padded(line, strlen(line));

	if (!agree(f, p, strlen(line)))
		fail_msg("%s: %s", what, line);
	if (f->by_jansson == fast)
		fail_msg("%s takes the wrong way: %s", what, line);
	free(p);
}

static void
usual_lines_take_the_fast_way(void **state)
{
	struct flat f = FLAT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(usual); i++)
		check_one(&f, usual[i], true, "usual");
	for (i = 0; i < ARRAY_LEN(unusual); i++)
		check_one(&f, unusual[i], false, "unusual");
	flat_release(&f);
}

static void
mutations_agree_with_jansson(void **state)
{
	static const char bytes[] =
	    "{}[]\",:\\ \t0123456789.eE-+tfnu\x01\xC3\xA9";
	const char *seed_text = getenv("SEED");
	unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : 1;
	struct flat f = FLAT_INIT;
	size_t fast = 0, i, round;

	(void)state;
	srand(seed);
	for (round = 0; round < 200000; round++) {
		const char *from = round % 5
				       ? usual[round % ARRAY_LEN(usual)]
				       : unusual[round % ARRAY_LEN(unusual)];
		size_t len = strlen(from);
		char *p = padded(from, len);

		for (i = 0; len > 0 && i < (size_t)rand() % 3; i++)
			p[(size_t)rand() % len] =
			    bytes[(size_t)rand() % (sizeof bytes - 1)];
		if (!agree(&f, p, len))
			fail_msg("SEED=%u round %zu: %s", seed, round, p);
		fast += !f.by_jansson;
		free(p);
	}
	/* The test is worth something only if both ways were taken. */
	assert_true(fast > 50000);
	assert_true(fast < 190000);
	flat_release(&f);
}

static void
too_many_fields_are_refused(void **state)
{
	struct buf line = BUF_INIT, why = BUF_INIT;
	struct flat f = FLAT_INIT;
	int i;

	(void)state;
	buf_addc(&line, '{');
	for (i = 0; i < FLAT_MAX_FIELDS + 1; i++)
		buf_addf(&line, "%s\"k%d\":%d", i ? "," : "", i, i);
	buf_addc(&line, '}');
	buf_room(&line, 64);
	assert_int_equal(flat_parse(&f, line.data, line.len, &why), -1);
	assert_string_equal(buf_str(&why), "more than 64 fields");
	buf_release(&line);
	buf_release(&why);
	flat_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_lines_take_the_fast_way),
		cmocka_unit_test(mutations_agree_with_jansson),
		cmocka_unit_test(too_many_fields_are_refused),
	};

	prog_init("test_flat");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
