/*
 * Compares scripts/examples/messaging.conf.example with the table of keys: it
 * has each key once, in its section, and as a comment with its default. Without
 * the comment signs it is a valid configuration.
 */
#include "tests/unit/tmpdir.h"

#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"

#define SECTION_MAX 128

static char *example; /* opened before the tests leave the root */
static bool seen[256];

static const struct conf_key *
find_key(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, section) == 0 &&
		    strcmp(conf_keys[i].name, name) == 0) {
			if (seen[i])
				fail_msg("[%s] %s twice", section, name);
			seen[i] = true;
			return &conf_keys[i];
		}
	}
	return NULL;
}

/* True for "#name = value" and "name = value"; sets the parts. */
static bool
split(char *line, bool *comment, char **name, char **value)
{
	char *eq;

	*comment = line[0] == '#';
	*name = line + *comment;
	if (**name < 'a' || **name > 'z' ||
	    (*name)[strspn(*name, "abcdefghijklmnopqrstuvwxyz_")] != ' ')
		return false;
	eq = strstr(*name, " = ");
	if (eq == NULL)
		return false;
	*eq = '\0';
	*value = eq + 3;
	return true;
}

static void
check_line(char *line, char *section, FILE *bare)
{
	const struct conf_key *k;
	char *name, *value;
	bool comment;

	if (line[0] == '[') {
		fprintf(bare, "%s\n", line);
		line[strcspn(line, " ]")] = '\0';
		snprintf(section, SECTION_MAX, "%s", line + 1);
		return;
	}
	if (!split(line, &comment, &name, &value))
		return;
	k = find_key(section, name);
	if (k == NULL)
		fail_msg("unknown key [%s] %s", section, name);
	else if (comment && k->def != NULL && strcmp(k->def, value) != 0)
		fail_msg("[%s] %s is %s, not %s", section, name, k->def, value);
	/* Only one of the two ways to give a token is needed. */
	if (strcmp(name, "token_file") != 0 && strcmp(name, "tenants") != 0)
		fprintf(bare, "%s = %s\n", name, value);
}

static void
every_key_stands_in_the_example(void **state)
{
	char section[SECTION_MAX] = "", *line = example, *next;
	struct buf why = BUF_INIT;
	FILE *bare = fopen("bare.conf", "w");
	struct conf *c;
	size_t i;

	(void)state;
	assert_non_null(bare);
	assert_in_range(conf_keys_n, 1, ARRAY_LEN(seen));
	for (; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		check_line(line, section, bare);
	}
	assert_int_equal(fclose(bare), 0);
	for (i = 0; i < conf_keys_n; i++)
		if (!seen[i])
			fail_msg("[%s] %s is not in the example",
			    conf_keys[i].section, conf_keys[i].name);
	assert_int_equal(chmod("bare.conf", 0600), 0);
	c = conf_load("bare.conf", &why);
	if (c == NULL)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(conf_tenants(c), 1);
	assert_null(conf_tenant_error(c, 0));
	conf_free(c);
	buf_release(&why);
}

int
test_conf_example(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_stands_in_the_example),
	};
	FILE *f = fopen("scripts/examples/messaging.conf.example", "r");
	int rc;

	example = xcalloc(1, 65536);
	if (f == NULL || fread(example, 1, 65535, f) == 0)
		return 1;
	(void)fclose(f);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	free(example);
	return rc;
}
