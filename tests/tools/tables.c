/*
 * tables: prints the tables that the man pages are compared with, one row per
 * line, columns separated by tabs:
 *
 *   key    SECTION NAME DEFAULT ENV     a configuration key
 *   field  TYPE NAME required|optional  a field of a record type
 *   exit   CODE                         an exit code
 *   column TABLE NAME rows|own          a column of the database, of rows or
 * not rule   TABLE KEY OTHERS             a rule of the reaper, commas between
 */
#include <stdio.h>

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

static const char *
shown(const char *s)
{
	return s != NULL ? s : "";
}

static void
print_keys(void)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++)
		printf("key\t%s\t%s\t%s\t%s\n", conf_keys[i].section,
		    conf_keys[i].name, shown(conf_keys[i].def),
		    shown(conf_keys[i].env));
}

static void
print_fields(void)
{
	const struct record_field *f;
	size_t type, i;

	for (type = RECORD_UNKNOWN + 1; type < RECORD_TYPES; type++) {
		for (i = 0; i < record_fields_n; i++) {
			f = &record_fields[i];
			if ((f->in & 1u << type) == 0)
				continue;
			printf("field\t%s\t%s\t%s\n", record_types[type],
			    f->name,
			    (f->required & 1u << type) != 0 ? "required"
							    : "optional");
		}
	}
}

static void
print_columns(void)
{
	const struct table *t;
	size_t i;

	for (t = tables; t < tables + TABLES_STORED; t++)
		for (i = 0; i < t->columns_n + t->derived; i++)
			printf("column\t%s\t%s\t%s\n", t->name,
			    t->columns[i].name,
			    t < tables + TABLES && i < t->columns_n ? "rows"
								    : "own");
}

static void
print_others(const struct table *t)
{
	const size_t others[] = { t->at, t->age, t->chat };
	const char *comma = "";
	size_t i;

	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (others[i] == 0)
			continue;
		printf("%s%s", comma, t->columns[others[i]].name);
		comma = ",";
	}
}

static void
print_rules(void)
{
	const struct table *t;
	size_t i;

	for (t = tables; t < tables + TABLES_STORED; t++) {
		if (t->life == LIFE_EVER)
			continue;
		printf("rule\t%s\t", t->name);
		for (i = 0; i < t->keys; i++)
			printf("%s%s", i > 0 ? "," : "", t->columns[i].name);
		printf("\t");
		print_others(t);
		printf("\n");
	}
}

int
main(void)
{
	static const enum exit_code codes[] = { PROG_OK, PROG_USAGE, PROG_DATA,
		PROG_NOINPUT, PROG_UNAVAILABLE, PROG_SOFTWARE, PROG_CANTCREATE,
		PROG_IO, PROG_TEMPFAIL, PROG_NOPERM, PROG_CONFIG };
	size_t i;

	print_keys();
	print_fields();
	print_columns();
	print_rules();
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++)
		printf("exit\t%d\n", (int)codes[i]);
	return 0;
}
