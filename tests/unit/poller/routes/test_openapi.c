/*
 * Test of openapi.json: every route of the table is described and no other,
 * with every field that it reads, their limits, words and defaults, and no
 * other, and with every status that it may answer with.
 */
#include "tests/unit/route_world.h"

#include "poller/routes/validate.h"

static json_t *document;

static const struct validate_model *const models[] = { &route_model_send,
	&route_model_event, &route_model_analytics, &route_model_content,
	&route_model_sentiment, &route_model_intent };

static json_t *
at(json_t *v, const char *name)
{
	json_t *member = json_object_get(v, name);

	if (member == NULL)
		fail_msg("openapi.json: no %s", name);
	return member;
}

static void
every_route_is_described(void **state)
{
	json_t *paths = at(document, "paths"), *methods, *one;
	size_t i, n = 0;
	const char *path, *method;

	(void)state;
	for (i = 0; i < routes_n; i++) {
		methods = json_object_get(paths, routes[i].pattern);
		method = routes[i].method == WEB_GET ? "get" : "post";
		if (json_object_get(methods, method) == NULL)
			fail_msg("%s %s is not described", method,
			    routes[i].pattern);
	}
	json_object_foreach(paths, path, methods)
	{
		json_object_foreach(methods, method, one) n++;
	}
	assert_int_equal(n, routes_n);
}

/* Whatever the route: the server itself and the table of routes say these. */
static void
every_status_is_described(void **state)
{
	static const char *const all[] = { "200", "400", "405", "408", "413",
		"414", "429", "431", "503" };
	static const struct {
		const char *path, *status;
	} some[] = {
		{ "/api/v1/messages/send", "401" },
		{ "/api/v1/messages/send", "403" },
		{ "/api/v1/messages/send", "404" },
		{ "/api/v1/messages/send", "415" },
		{ "/api/v1/analytics/events", "401" },
		{ "/api/v1/analytics/events", "403" },
		{ "/api/v1/analytics/events", "415" },
		{ "/api/v1/analytics/events", "422" },
		{ "/api/v1/analytics/events/bulk", "401" },
		{ "/api/v1/analytics/events/bulk", "403" },
		{ "/api/v1/analytics/events/bulk", "415" },
		{ "/api/v1/analytics/events/bulk", "422" },
		{ "/api/v1/analytics/messages/analytics", "401" },
		{ "/api/v1/analytics/messages/analytics", "403" },
		{ "/api/v1/analytics/messages/analytics", "415" },
		{ "/api/v1/analytics/messages/analytics", "422" },
		{ "/hooks/{tenant}/{source}", "401" },
		{ "/hooks/{tenant}/{source}", "403" },
		{ "/hooks/{tenant}/{source}/{secret}", "401" },
		{ "/hooks/{tenant}/{source}/{secret}", "403" },
		{ "/metrics", "404" },
		{ "/webhook", "403" },
		{ "/webhook", "404" },
		{ "/webhook", "415" },
		{ "/resolve", "403" },
		{ "/resolve", "404" },
		{ "/resolve", "415" },
	};
	json_t *paths = at(document, "paths"), *methods, *one;
	const char *path, *method;
	size_t i, n;

	(void)state;
	json_object_foreach(paths, path, methods)
	{
		json_object_foreach(methods, method, one)
		{
			one = at(one, "responses");
			for (i = 0; i < ARRAY_LEN(all); i++)
				(void)at(one, all[i]);
			n = ARRAY_LEN(all);
			for (i = 0; i < ARRAY_LEN(some); i++) {
				if (strcmp(some[i].path, path) != 0)
					continue;
				(void)at(one, some[i].status);
				n++;
			}
			if (json_object_size(one) != n)
				fail_msg("%s: some status is no route's", path);
		}
	}
}

/* {name} of a path are parameters, and no others are in it. */
static void
every_part_of_a_path_is_described(void **state)
{
	json_t *paths = at(document, "paths"), *methods, *one, *p;
	const char *path, *method;
	struct buf part = BUF_INIT;
	size_t i, n, braces;

	(void)state;
	json_object_foreach(paths, path, methods)
	{
		for (braces = 0, i = 0; path[i] != '\0'; i++)
			braces += path[i] == '{';
		json_object_foreach(methods, method, one)
		{
			n = 0;
			json_array_foreach(
			    json_object_get(one, "parameters"), i, p)
			{
				if (strcmp(json_string_value(at(p, "in")),
					"path") != 0)
					continue;
				buf_setf(&part, "{%s}",
				    json_string_value(at(p, "name")));
				if (strstr(path, buf_str(&part)) == NULL)
					fail_msg(
					    "%s: %s", path, buf_str(&part));
				n++;
			}
			if (n != braces)
				fail_msg("%s: %zu parameters", path, n);
		}
	}
	buf_release(&part);
}

/* Where it may be null, the schema of the other case. */
static json_t *
value_schema(json_t *schema)
{
	json_t *any = json_object_get(schema, "anyOf");

	return any != NULL ? json_array_get(any, 0) : schema;
}

static void
check_words(const struct validate_field *f, json_t *schema)
{
	json_t *words = json_object_get(schema, "enum");
	struct buf pattern = BUF_INIT;
	size_t i;

	for (i = 0; f->words[i] != NULL; i++) {
		buf_addf(&pattern, "%s%s", i > 0 ? "|" : "^(", f->words[i]);
		if (f->kind == VALIDATE_WORD)
			assert_string_equal(
			    json_string_value(json_array_get(words, i)),
			    f->words[i]);
	}
	buf_adds(&pattern, ")$");
	if (f->kind == VALIDATE_WORD)
		assert_int_equal(json_array_size(words), i);
	else
		assert_string_equal(json_string_value(at(schema, "pattern")),
		    buf_str(&pattern));
	buf_release(&pattern);
}

static void
check_field(const struct validate_model *m, const struct validate_field *f,
    json_t *schema)
{
	static const char *const types[] = {
		[VALIDATE_ID] = "string",
		[VALIDATE_NAME] = "string",
		[VALIDATE_TEXT] = "string",
		[VALIDATE_WORD] = "string",
		[VALIDATE_PATTERN] = "string",
		[VALIDATE_NUMBER] = "number",
		[VALIDATE_OBJECT] = "object",
		[VALIDATE_LIST] = "array",
	};
	bool has_default = json_object_get(schema, "default") != NULL;
	bool nullable = json_object_get(schema, "anyOf") != NULL;
	json_t *value = value_schema(schema);
	const json_t *type = json_object_get(value, "type");

	if (nullable != (f->need == VALIDATE_OPTIONAL))
		fail_msg("%s.%s: null", m->name, f->name);
	if (has_default != (f->need == VALIDATE_DEFAULT))
		fail_msg("%s.%s: default", m->name, f->name);
	if (type == NULL) /* a schema of its own */
		assert_int_equal(f->kind, VALIDATE_OBJECT);
	else if (strcmp(json_string_value(type), types[f->kind]) != 0)
		fail_msg("%s.%s: type", m->name, f->name);
	if ((size_t)json_integer_value(json_object_get(value, "maxLength")) !=
	    f->max)
		fail_msg("%s.%s: maxLength", m->name, f->name);
	if (json_integer_value(json_object_get(value, "minLength")) !=
	    (f->kind == VALIDATE_ID))
		fail_msg("%s.%s: minLength", m->name, f->name);
	if (f->words != NULL)
		check_words(f, value);
}

static bool
is_required(json_t *schema, const char *name)
{
	json_t *list = json_object_get(schema, "required");
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), name) ==
		    0)
			return true;
	}
	return false;
}

static void
every_field_is_described(void **state)
{
	json_t *schemas = at(at(document, "components"), "schemas");
	json_t *schema, *properties;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(models); i++) {
		const struct validate_model *m = models[i];

		schema = at(schemas, m->name);
		properties = at(schema, "properties");
		assert_int_equal(json_object_size(properties), m->n);
		for (j = 0; j < m->n; j++) {
			const struct validate_field *f = &m->fields[j];

			check_field(m, f, at(properties, f->name));
			if (is_required(schema, f->name) !=
			    (f->need == VALIDATE_REQUIRED))
				fail_msg("%s.%s: required", m->name, f->name);
		}
	}
}

/* Its table is made when the configuration is known. */
static void
a_bulk_is_as_long_as_it_may_be(void **state)
{
	json_t *v = at(at(document, "components"), "schemas");
	struct world w;

	(void)state;
	v = at(at(at(v, "BulkEventCreate"), "properties"), "events");
	world_open(&w, "", NULL);
	assert_int_equal(
	    json_integer_value(at(v, "maxItems")), w.in->max_events);
	world_close(&w);
}

/* The answer has each member that the schema lists, and no other. */
static void
check_answer(const struct web_answer *a, const char *name)
{
	json_t *schemas = at(at(document, "components"), "schemas");
	json_t *properties = at(at(schemas, name), "properties");
	json_t *v = json_loads(buf_str(&a->body), 0, NULL), *member;
	const char *key;

	if (a->status != 200)
		fail_msg("%s", buf_str(&a->body));
	assert_non_null(v);
	json_object_foreach(properties, key, member)
	{
		if (json_object_get(v, key) == NULL)
			fail_msg("%s.%s is not answered", name, key);
	}
	assert_int_equal(json_object_size(v), json_object_size(properties));
	json_decref(v);
}

static void
every_answer_is_described(void **state)
{
	static const char *const what[][3] = {
		{ "/api/v1/messages/send", "MessageResponse",
		    "{\"sender_id\":\"a\",\"receiver_id\":\"b\"}" },
		{ "/api/v1/analytics/events", "EventResponse",
		    "{\"event_type\":\"user_action\",\"event_data\":{}}" },
		{ "/api/v1/analytics/messages/analytics",
		    "MessageAnalyticsResponse",
		    "{\"id\":\"m\",\"conversation_id\":\"c\","
		    "\"channel_id\":\"h\",\"direction\":\"inbound\"}" },
	};
	static const struct ask ask = { .tenant = "t" };
	struct web_answer a;
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, "[listen]\ntenant = t\n", NULL);
	for (i = 0; i < ARRAY_LEN(what); i++) {
		a = world_post(
		    &w, what[i][0], &ask, what[i][2], strlen(what[i][2]));
		check_answer(&a, what[i][1]);
		world_drop(&a);
	}
	world_close(&w);
}

/* Every "$ref" leads somewhere. */
static void
check_references(json_t *v)
{
	static const char schemas[] = "#/components/schemas/";
	static const char responses[] = "#/components/responses/";
	json_t *parts = at(document, "components"), *member;
	const char *key, *ref;
	size_t i;

	json_object_foreach(v, key, member)
	{
		if (strcmp(key, "$ref") == 0) {
			ref = json_string_value(member);
			if (strncmp(ref, responses, strlen(responses)) == 0) {
				(void)at(at(parts, "responses"),
				    ref + strlen(responses));
			} else {
				assert_memory_equal(
				    ref, schemas, strlen(schemas));
				(void)at(at(parts, "schemas"),
				    ref + strlen(schemas));
			}
		}
		check_references(member);
	}
	json_array_foreach(v, i, member) check_references(member);
}

static void
every_reference_leads_somewhere(void **state)
{
	(void)state;
	check_references(document);
}

static int
enter(void **state)
{
	struct web_request r = {
		.method = WEB_GET, .path = "/openapi.json", .body = ""
	};
	struct web_answer a = { .status = 200 };
	struct world w;

	if (tmpdir_enter(state) != 0)
		return -1;
	world_open(&w, "", NULL);
	route_answer(w.in, &r, &a);
	document = json_loads(buf_str(&a.body), JSON_REJECT_DUPLICATES, NULL);
	world_drop(&a);
	world_close(&w);
	return document != NULL ? 0 : -1;
}

static int
leave(void **state)
{
	json_decref(document);
	return tmpdir_leave(state);
}

int
test_openapi(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(every_status_is_described),
		cmocka_unit_test(every_part_of_a_path_is_described),
		cmocka_unit_test(every_field_is_described),
		cmocka_unit_test(a_bulk_is_as_long_as_it_may_be),
		cmocka_unit_test(every_answer_is_described),
		cmocka_unit_test(every_reference_leads_somewhere),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
