/*
 * Tests of common/json/json_text: the result must be jansson's. Both parse
 * seeded mutations of good lines. Values that jansson cannot represent are
 * listed together with our result.
 */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/json/json_text.h"

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
	"{\"a\":01}",
	"{\"a\":1,}",
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

/* True if this is JSON that jansson does not accept. jansson takes half of a
 * surrogate pair for a syntax error, so some mutations of escapes are left out,
 * too. */
static bool
is_beyond(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_numeric_overflow ||
	       code == json_error_null_character ||
	       code == json_error_null_byte_in_key ||
	       strstr(e->text, "invalid Unicode") != NULL;
}

/* True if both accept the line and agree on every member, or both refuse it. */
static bool
agree(struct flat *f, const char *line, size_t len)
{
	json_error_t e;
	json_t *root = json_loadb(line, len, 0, &e), *j;
	struct buf why = BUF_INIT;
	const char *key;
	char *copy; /* which ends with the line */
	bool same, ok;

	if (root == NULL && is_beyond(&e))
		return true;
	copy = memcpy(xmalloc(len + (len == 0)), line, len);
	ok = flat_parse(f, copy, len, &why) == 0;
	same = ok == (json_is_object(root) != 0);
	if (ok && same)
		json_object_foreach (root, key, j) {
			const struct flat_field *v = flat_find(f, key);

			same = same && v != NULL && same_value(v, j);
		}
	if (!ok)
		assert_true(why.len > 0);
	free(copy);
	buf_release(&why);
	json_decref(root);
	return same;
}

static void
check_one(struct flat *f, const char *line)
{
	if (!agree(f, line, strlen(line)))
		fail_msg("jansson reads it differently: %s", line);
}

static void
lines_agree_with_jansson(void **state)
{
	struct flat f = FLAT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(usual); i++)
		check_one(&f, usual[i]);
	for (i = 0; i < ARRAY_LEN(unusual); i++)
		check_one(&f, unusual[i]);
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
	size_t i, round;

	(void)state;
	srand(seed);
	for (round = 0; round < 200000; round++) {
		const char *from = round % 5
				       ? usual[round % ARRAY_LEN(usual)]
				       : unusual[round % ARRAY_LEN(unusual)];
		size_t len = strlen(from);
		char *p = xstrdup(from);

		for (i = 0; len > 0 && i < (size_t)rand() % 3; i++)
			p[(size_t)rand() % len] =
			    bytes[(size_t)rand() % (sizeof bytes - 1)];
		if (!agree(&f, p, len))
			fail_msg("SEED=%u round %zu: %s", seed, round, p);
		free(p);
	}
	flat_release(&f);
}

/* Member "a" of the line, as read and as written. */
static void
any_json_is_json(void **state)
{
	static const struct {
		const char *line;
		enum flat_kind kind;
		const char *value, *raw;
	} cases[] = {
#define BIG "123456789012345678901234567890"
		{ "{\"a\":" BIG "}", FLAT_NUMBER, BIG, BIG },
		{ "{\"a\":-1e400}", FLAT_NUMBER, "-1e400", "-1e400" },
		{ "{\"a\": 0.1" BIG "E-9999 }", FLAT_NUMBER, "0.1" BIG "E-9999",
		    "0.1" BIG "E-9999" },
		{ "{\"a\":[" BIG ",{\"b\":1e999}]}", FLAT_JSON,
		    "[" BIG ",{\"b\":1e999}]", "[" BIG ",{\"b\":1e999}]" },
		{ "{\"a\":\"x\\u0000y\"}", FLAT_STRING, "x\uFFFDy",
		    "\"x\\u0000y\"" },
		{ "{\"a\":\"\\ud83d\"}", FLAT_STRING, "\uFFFD", "\"\\ud83d\"" },
		{ "{\"a\":\"\\ude00\\ud83d\\u0041\"}", FLAT_STRING,
		    "\uFFFD\uFFFDA", "\"\\ude00\\ud83d\\u0041\"" },
		{ "{\"a\":\"\\\\ud83d\\ude00\"}", FLAT_STRING, "\\ud83d\uFFFD",
		    "\"\\\\ud83d\\ude00\"" },
		{ "{\"\\u0061\":\"\\\"\" }", FLAT_STRING, "\"", "\"\\\"\"" },
		{ "{\"a\":\"plain\"}", FLAT_STRING, "plain", "\"plain\"" },
	};
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const char *p = cases[i].line, *raw;
		const struct flat_field *v;

		if (flat_parse(&f, p, strlen(p), &why) == -1)
			fail_msg("%s: %s", p, buf_str(&why));
		v = flat_find(&f, "a");
		assert_non_null(v);
		assert_int_equal(v->kind, cases[i].kind);
		assert_int_equal(v->val_len, strlen(cases[i].value));
		assert_memory_equal(v->val, cases[i].value, v->val_len);
		raw = flat_raw(v, &len);
		assert_int_equal(len, strlen(cases[i].raw));
		assert_memory_equal(raw, cases[i].raw, len);
	}
	flat_release(&f);
	buf_release(&why);
}

/* The text case record-mistakes of the aggregator has other mistakes. */
static void
other_encodings_are_named(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "\xEF\xBB\xBF{}",
		    "a byte order mark; write UTF-8 without one" },
		{ "\xFF\xFE{", "UTF-16; write UTF-8" },
		{ "\xFE\xFF{", "UTF-16; write UTF-8" },
	};
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const char *p = cases[i].line;

		buf_clear(&why);
		assert_int_equal(flat_parse(&f, p, strlen(p), &why), -1);
		assert_string_equal(buf_str(&why), cases[i].why);
	}
	flat_release(&f);
	buf_release(&why);
}

/* The deepest permitted nesting, and one level more. */
static void
depth_has_a_limit(void **state)
{
	struct flat f = FLAT_INIT;
	struct buf line = BUF_INIT, why = BUF_INIT;
	size_t deep, i;

	(void)state;
	for (deep = JSON_TEXT_DEPTH; deep <= JSON_TEXT_DEPTH + 1; deep++) {
		buf_clear(&line);
		buf_adds(&line, "{\"a\":");
		for (i = 0; i < deep; i++)
			buf_addc(&line, '[');
		for (i = 0; i < deep; i++)
			buf_addc(&line, ']');
		buf_addc(&line, '}');
		buf_room(&line, 64);
		assert_int_equal(flat_parse(&f, line.data, line.len, &why),
		    deep <= JSON_TEXT_DEPTH ? 0 : -1);
	}
	assert_non_null(strstr(buf_str(&why), "nested too deeply"));
	flat_release(&f);
	buf_release(&line);
	buf_release(&why);
}

/* Each of n fields is found. */
static void
check_many_fields(struct flat *f, const char *between, int n)
{
	struct buf line = BUF_INIT, why = BUF_INIT;
	char key[16];
	int i;

	buf_addc(&line, '{');
	for (i = 0; i < n; i++)
		buf_addf(&line, "%s\"k%d\":%d", i ? between : "", i, i);
	buf_addc(&line, '}');
	buf_room(&line, 64);
	assert_int_equal(flat_parse(f, line.data, line.len, &why), 0);
	for (i = 0; i < n; i += 997) {
		(void)snprintf(key, sizeof key, "k%d", i);
		assert_non_null(flat_find(f, key));
		assert_int_equal(strtol(flat_find(f, key)->val, NULL, 10), i);
	}
	buf_release(&line);
	buf_release(&why);
}

static void
a_line_may_have_any_number_of_fields(void **state)
{
	struct flat f = FLAT_INIT;

	(void)state;
	check_many_fields(&f, ",", 65);
	check_many_fields(&f, " , ", 40000);
	flat_release(&f);
}

/* Strings are searched sixteen bytes at a time, and their rest byte by byte: a
 * byte that ends a string, or may not be in one, is found at each place of
 * both, whatever follows the string. */
static void
a_special_byte_is_found_at_any_place(void **state)
{
	static const struct {
		const char *bytes;
		int rc;
		size_t len; /* of the value, beside the other bytes */
	} specials[] = { { "\\n", 0, 1 }, { "\x1F", -1, 0 }, { "\x01", -1, 0 },
		{ "\x7F", 0, 1 }, { "\\x", -1, 0 }, { " ", 0, 1 },
		{ "\xC3\xA9", 0, 2 }, { "\xC3", -1, 0 } };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	size_t k, before, after, i;
	int rc;

	(void)state;
	for (k = 0; k < ARRAY_LEN(specials); k++)
		for (i = 0; i < 40 * 40; i++) {
			before = i % 40;
			after = i / 40;
			buf_clear(&line);
			buf_addf(&line, "{\"a\":\"%.*s%s%.*s\"}", (int)before,
			    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF",
			    specials[k].bytes, (int)after,
			    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF");
			rc = flat_parse(&f, line.data, line.len, &why);
			assert_int_equal(rc, specials[k].rc);
			if (rc == -1)
				continue;
			assert_int_equal(f.n, 1);
			assert_int_equal(f.field[0].val_len,
			    before + specials[k].len + after);
		}
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
}

int
test_json_text(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_agree_with_jansson),
		cmocka_unit_test(mutations_agree_with_jansson),
		cmocka_unit_test(a_special_byte_is_found_at_any_place),
		cmocka_unit_test(any_json_is_json),
		cmocka_unit_test(other_encodings_are_named),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(a_line_may_have_any_number_of_fields),
	};

	prog_init("test_json_text");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
