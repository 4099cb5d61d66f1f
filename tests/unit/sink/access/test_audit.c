/*
 * Test of the audit: a line tells each parameter of the API that selects rows,
 * and no other: which is found from the table of resources, so that a new one
 * is not forgotten. Of one that is there twice it tells both values.
 */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/access/audit.h"
#include "sink/resources/resource.h"
#include "sink/resources/resource_parameters.h"
#include "tests/unit/tmpdir.h"

/* How rows are shown, or what is compared with them. */
static const char *const of_form[] = { "by", "group", "compare",
	"within_seconds", "version", "count", "sum_seconds" };

static bool
is_of_form(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(of_form) && strcmp(of_form[i], name) != 0)
		i++;
	return i < ARRAY_LEN(of_form);
}

/* A request that has every parameter there is. */
static void
visit_all(const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	const char *names[RESOURCE_PARAMETERS];
	size_t i, j, n;

	(void)r;
	for (i = 0; i < resources_n; i++) {
		n = resource_parameters(&resources[i], names);
		for (j = 0; j < n; j++)
			visit(ctx, names[j], names[j]);
	}
}

static void
visit_twice(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	(void)r;
	visit(ctx, "start_time", "2026-11-01");
	visit(ctx, "channel", "web");
	visit(ctx, "start_time", "2026-01-01");
	visit(ctx, "start_time", "\xff");
}

/* What a line tells of a request with such parameters; owned. */
static json_t *
told_parameters(void (*visit)(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx))
{
	const struct viewer v = { .tenant = "acme", .role = VIEWER_ADMIN };
	const struct web_request r = {
		.path = "/api/v1/chats", .peer = "::1", .parameters = visit
	};
	const struct web_answer a = { .status = 200 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct audit *audit;
	json_t *line, *told;

	(void)remove("audit");
	audit = audit_open("audit", &why, &code);
	assert_non_null(audit);
	assert_int_equal(audit_add(audit, &v, &r, &a, 1), 0);
	audit_close(audit);
	line = json_load_file("audit", 0, NULL);
	told = json_incref(json_object_get(line, "parameters"));
	json_decref(line);
	return told;
}

static void
what_selects_rows_is_told(void **state)
{
	const char *names[RESOURCE_PARAMETERS];
	json_t *told = told_parameters(visit_all);
	size_t i, j, n;

	(void)state;
	assert_non_null(told);
	for (i = 0; i < resources_n; i++) {
		n = resource_parameters(&resources[i], names);
		for (j = 0; j < n; j++)
			if ((json_object_get(told, names[j]) == NULL) !=
			    is_of_form(names[j]))
				fail_msg(
				    "%s of %s", names[j], resources[i].pattern);
	}
	json_decref(told);
}

static void
all_values_are_told(void **state)
{
	json_t *told = told_parameters(visit_twice);
	char *text = json_dumps(told, JSON_SORT_KEYS | JSON_COMPACT);

	(void)state;
	assert_string_equal(text,
	    "{\"channel\":\"web\",\"start_time\":[\"2026-11-01\","
	    "\"2026-01-01\",null]}");
	free(text);
	json_decref(told);
}

static const char *
find_none(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

/* A folder stands in its place meanwhile. */
static void
a_file_that_cannot_be_written_is_told(void **state)
{
	const struct viewer v = { .tenant = "acme", .role = VIEWER_ADMIN };
	const struct web_request r = {
		.path = "/api/v1/chats", .peer = "::1", .query = find_none
	};
	const struct web_answer a = { .status = 200 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct audit *audit = audit_open("audit", &why, &code);
	char text[4096];
	int saved;

	(void)state;
	assert_non_null(audit);
	assert_int_equal(unlink("audit"), 0);
	assert_int_equal(mkdir("audit", 0700), 0);
	saved = tmpdir_catch_stderr();
	assert_int_equal(audit_add(audit, &v, &r, &a, 1), -1);
	tmpdir_stderr(saved, text, sizeof text);
	assert_int_equal(rmdir("audit"), 0);
	assert_non_null(
	    strstr(text, "Is a directory; name a file, not a folder. What"));
	audit_close(audit);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_selects_rows_is_told),
		cmocka_unit_test(all_values_are_told),
		cmocka_unit_test(a_file_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
