/*
 * Tests of common/json/openapi: shapes as JSON Schema, and paths.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/json/openapi.h"

static const struct {
	const char *shape, *want;
} shapes[] = {
	{ "text", "{\"type\":\"string\"}" },
	{ "text 1..7?", "{\"type\":[\"string\",\"null\"],\"minLength\":1,"
			"\"maxLength\":7}" },
	{ "integer 1..12",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":12}" },
	{ "count =0 'how many'",
	    "{\"type\":\"integer\",\"minimum\":0,\"default\":0,"
	    "\"description\":\"how many\"}" },
	{ "time?",
	    "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}" },
	{ "pattern '^a?$'", "{\"type\":\"string\",\"pattern\":\"^a?$\"}" },
	{ "(red|blue) =red", "{\"type\":\"string\",\"enum\":[\"red\",\"blue\"],"
			     "\"default\":\"red\"}" },
	{ "@Name", "{\"$ref\":\"#/components/schemas/Name\"}" },
	{ "[text?]",
	    "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}" },
	{ "[text]?",
	    "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"}}" },
	{ "<flag>?", "{\"type\":[\"object\",\"null\"],\"additionalProperties\":"
		     "{\"type\":\"boolean\"}}" },
	{ "any 'why?'", "{\"description\":\"why?\"}" },
	{ "{}", "{\"type\":\"object\",\"properties\":{},\"required\":[],"
		"\"additionalProperties\":false}" },
	{ "{id: text, n?: {a: number, b: (x|y)}?, c: text}",
	    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},"
	    "\"n\":{\"type\":[\"object\",\"null\"],\"properties\":{\"a\":"
	    "{\"type\":\"number\"},\"b\":{\"type\":\"string\",\"enum\":"
	    "[\"x\",\"y\"]}},\"required\":[\"a\",\"b\"],"
	    "\"additionalProperties\":false},\"c\":{\"type\":\"string\"}},"
	    "\"required\":[\"id\",\"c\"],\"additionalProperties\":false}" },
};

static void
shapes_are_schemas(void **state)
{
	struct buf b = BUF_INIT, want = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(shapes); i++) {
		buf_clear(&b);
		jsonw_open(&b);
		openapi_member(&b, "k", shapes[i].shape);
		jsonw_close(&b);
		buf_setf(&want, "{\"k\":%s}", shapes[i].want);
		assert_string_equal(buf_str(&b), buf_str(&want));
	}
	buf_release(&b);
	buf_release(&want);
}

static void
parameters_and_responses(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	openapi_parameter(&b, "n", "query", true, "count 'how many'");
	openapi_parameter(&b, "p", "path", false, "pattern '^a$' 'a, or not'");
	openapi_parameter(&b, "q", "path", false, "pattern '^b$'");
	assert_string_equal(buf_str(&b),
	    "{\"name\":\"n\",\"in\":\"query\",\"required\":true,"
	    "\"description\":\"how many\",\"schema\":{\"type\":\"integer\","
	    "\"minimum\":0}},{\"name\":\"p\",\"in\":\"path\",\"description\":"
	    "\"a, or not\",\"schema\":{\"type\":\"string\",\"pattern\":"
	    "\"^a$\"}},{\"name\":\"q\",\"in\":\"path\",\"schema\":"
	    "{\"type\":\"string\",\"pattern\":\"^b$\"}}");
	buf_clear(&b);
	openapi_response(
	    &b, "200", "good", "A=text, B=integer", "text/csv=any");
	openapi_response(&b, "404", "bad", NULL, NULL);
	assert_string_equal(buf_str(&b),
	    "\"200\":{\"description\":\"good\",\"headers\":{\"A\":{\"schema\":"
	    "{\"type\":\"string\"}},\"B\":{\"schema\":{\"type\":\"integer\"}}},"
	    "\"content\":{\"text/csv\":{\"schema\":{}}}},"
	    "\"404\":{\"description\":\"bad\"}");
	buf_release(&b);
}

static void
paths_name_their_parts(void **state)
{
	static const char path[] = "/a/{chat}/b/{*rest}";
	const char *p = path;
	struct buf b = BUF_INIT;
	char name[5];

	(void)state;
	openapi_path(&b, path);
	assert_string_equal(buf_str(&b), "/a/{chat}/b/{rest}");
	assert_true(openapi_path_part(&p, name, sizeof name));
	assert_string_equal(name, "chat");
	assert_true(openapi_path_part(&p, name, sizeof name - 1));
	assert_string_equal(name, "res");
	assert_false(openapi_path_part(&p, name, sizeof name));
	buf_release(&b);
}

int
test_openapi(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_are_schemas),
		cmocka_unit_test(parameters_and_responses),
		cmocka_unit_test(paths_name_their_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
