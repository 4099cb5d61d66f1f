/*
 * Test of openapi.json: every resource of the table is described, and besides
 * only what the server has for browsers; with the least role that may read it;
 * and of a list the columns of its rows and its parameters.
 */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/resources/resource.h"
#include "sink/resources/resource_parameters.h"

static json_t *description;

static json_t *
get(json_t *v, const char *name)
{
	json_t *member = json_object_get(v, name);

	if (member == NULL)
		fail_msg("openapi.json: no %s", name);
	return member;
}

/* The description of a resource: {*name} is {name} there. */
static json_t *
operation_of(const struct resource *r)
{
	struct buf path = BUF_INIT;
	json_t *operation;
	const char *p;

	for (p = r->pattern; *p != '\0'; p++) {
		if (*p != '*')
			buf_addc(&path, *p);
	}
	operation = json_object_get(get(description, "paths"), buf_str(&path));
	if (operation == NULL)
		fail_msg("%s is not described", buf_str(&path));
	buf_release(&path);
	return get(operation, "get");
}

static void
each_resource_is_described(void **state)
{
	json_t *paths = get(description, "paths");
	size_t i;

	(void)state;
	for (i = 0; i < resources_n; i++)
		(void)operation_of(&resources[i]);
	(void)get(get(paths, "/api/v1/now/stream"), "get");
	(void)get(get(paths, "/login"), "post");
	(void)get(get(paths, "/logout"), "post");
	assert_int_equal(json_object_size(paths), resources_n + 3);
}

/* Of the bearer and of the cookie, one of which is enough. */
static void
its_least_role_is_described(void **state)
{
	static const char *const schemes[] = { "bearer", "session" };
	json_t *security, *roles;
	size_t i, k;

	(void)state;
	for (i = 0; i < resources_n; i++) {
		security = get(operation_of(&resources[i]), "security");
		if (resources[i].least == VIEWER_NONE) {
			assert_int_equal(json_array_size(security), 0);
			continue;
		}
		assert_int_equal(json_array_size(security), ARRAY_LEN(schemes));
		for (k = 0; k < ARRAY_LEN(schemes); k++) {
			roles = get(json_array_get(security, k), schemes[k]);
			assert_string_equal(
			    json_string_value(json_array_get(roles, 0)),
			    viewer_role_name(resources[i].least));
		}
	}
}

/* What a "$ref" names: "#/components/KIND/NAME". */
static json_t *
resolved(json_t *v)
{
	const char *ref = json_string_value(json_object_get(v, "$ref"));
	char *path, *part, *rest = NULL;

	if (ref == NULL)
		return v;
	path = xstrdup(ref);
	assert_string_equal(strtok_r(path, "/", &rest), "#");
	v = description;
	while ((part = strtok_r(NULL, "/", &rest)) != NULL)
		v = get(v, part);
	free(path);
	return v;
}

static bool
has_parameter(json_t *operation, const char *name)
{
	json_t *list = json_object_get(operation, "parameters"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		one = resolved(one);
		if (strcmp(json_string_value(get(one, "name")), name) == 0)
			return true;
	}
	return false;
}

static bool
is_column(const struct list *l, const char *name)
{
	size_t i;

	for (i = 0; l->columns[i].name != NULL; i++) {
		if (strcmp(l->columns[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
check_parameters(const struct list *l, json_t *operation, size_t columns)
{
	size_t i, n = 2;

	assert_true(has_parameter(operation, "limit"));
	assert_true(has_parameter(operation, "cursor"));
	if (l->time != NULL) {
		assert_true(has_parameter(operation, "from"));
		assert_true(has_parameter(operation, "to"));
		n += 2;
	}
	for (i = 0; i < columns; i++) {
		if (l->columns[i].use == LIST_SHOWN)
			continue;
		if (!has_parameter(operation, l->columns[i].name))
			fail_msg("%s: no %s", l->table, l->columns[i].name);
		n++;
	}
	for (i = 0; l->words[i].parameter != NULL; i++) {
		assert_true(has_parameter(operation, l->words[i].parameter));
		n += !is_column(l, l->words[i].parameter);
	}
	for (i = 0; l->more != NULL && l->more[i] != NULL; i++, n++)
		assert_true(has_parameter(operation, l->more[i]));
	assert_int_equal(json_array_size(get(operation, "parameters")), n);
}

static json_t *
row_schema(json_t *operation)
{
	json_t *v = get(get(operation, "responses"), "200");

	v = get(get(get(v, "content"), "application/json"), "schema");
	v = get(get(resolved(v), "properties"), "rows");
	return resolved(get(v, "items"));
}

static void
each_list_has_its_columns(void **state)
{
	const struct list *l;
	json_t *operation, *schema;
	size_t i, k;

	(void)state;
	for (i = 0; i < resources_n; i++) {
		l = resources[i].list;
		if (l == NULL)
			continue;
		operation = operation_of(&resources[i]);
		schema = row_schema(operation);
		for (k = 0; l->columns[k].name != NULL; k++)
			(void)get(
			    get(schema, "properties"), l->columns[k].name);
		assert_int_equal(
		    json_object_size(get(schema, "properties")), k);
		assert_int_equal(json_array_size(get(schema, "required")), k);
		check_parameters(l, operation, k);
	}
}

/* Of the query; those of the path are not the resource's to check. */
static size_t
described_parameters(json_t *operation)
{
	json_t *list = json_object_get(operation, "parameters"), *one;
	size_t i, n = 0;

	json_array_foreach(list, i, one)
	{
		one = get(resolved(one), "in");
		n += strcmp(json_string_value(one), "query") == 0;
	}
	return n;
}

static void
what_is_not_refused_is_described(void **state)
{
	const char *names[RESOURCE_PARAMETERS];
	json_t *operation;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < resources_n; i++) {
		if (resources[i].list == NULL &&
		    resources[i].parameters == NULL)
			continue;
		operation = operation_of(&resources[i]);
		n = resource_parameters(&resources[i], names);
		for (k = 0; k < n; k++) {
			if (!has_parameter(operation, names[k]))
				fail_msg("%s: %s is not described",
				    resources[i].pattern, names[k]);
		}
		assert_int_equal(n, described_parameters(operation));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_resource_is_described),
		cmocka_unit_test(its_least_role_is_described),
		cmocka_unit_test(each_list_has_its_columns),
		cmocka_unit_test(what_is_not_refused_is_described),
	};
	static const char path[] = "sink/resources/openapi.json";
	json_error_t error;
	int rc;

	description = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (description == NULL)
		fail_msg("%s: %s", path, error.text);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(description);
	return rc;
}
