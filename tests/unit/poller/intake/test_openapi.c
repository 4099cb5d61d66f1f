/*
 * Tests of the description of the routes: it has every status that a route may
 * answer with, each answer has exactly the members that it lists, and all
 * references can be resolved.
 */
#include "tests/unit/route_world.h"

static json_t *document;

static json_t *
at(json_t *v, const char *name)
{
	json_t *member = json_object_get(v, name);

	if (member == NULL)
		fail_msg("openapi.json: no %s", name);
	return member;
}

/* The server itself and the table of routes give these statuses for any
 * route. */
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
	json_object_foreach (paths, path, methods) {
		json_object_foreach (methods, method, one) {
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
				fail_msg(
				    "%s: some status is not a route's", path);
		}
	}
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
	json_object_foreach (properties, key, member) {
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

	json_object_foreach (v, key, member) {
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
	json_array_foreach (v, i, member)
		check_references(member);
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
		cmocka_unit_test(every_status_is_described),
		cmocka_unit_test(every_answer_is_described),
		cmocka_unit_test(every_reference_leads_somewhere),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
