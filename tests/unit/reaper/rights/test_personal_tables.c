/*
 * Test of personal_tables: whoever adds a table with a chat or a person in it
 * decides what forgetting makes of its rows.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"

#include "reaper/rights/personal_tables.h"

/* Columns that lead to a customer, or may be one's name. */
static const char *const telling[] = { "chat", "conversation_id", "user",
	"user_id", "customer", "sender_id", "receiver_id", "word" };

static bool
is_telling(const struct table *t)
{
	size_t i, k;

	for (i = 0; i < t->columns_n; i++)
		for (k = 0; k < ARRAY_LEN(telling); k++)
			if (strcmp(t->columns[i].name, telling[k]) == 0)
				return true;
	return false;
}

static bool
is_personal(enum table_id table)
{
	size_t i;

	for (i = 0; i < personal_tables_n; i++)
		if (personal_tables[i].table == table)
			return true;
	return false;
}

static void
tables_that_tell_of_people_are_personal(void **state)
{
	enum table_id table;

	(void)state;
	for (table = 0; table < TABLES_STORED; table++)
		if (is_telling(&tables[table]) && !is_personal(table))
			fail_msg("%s: forgetting does nothing with it",
			    tables[table].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_that_tell_of_people_are_personal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
