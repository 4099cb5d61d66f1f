/*
 * tables: prints the tables that the man pages are held against, one row a
 * line, columns separated by tabs:
 *
 *   key    SECTION NAME DEFAULT ENV     one a configuration key
 *   field  TYPE NAME required|optional  one a field of a record type
 *   exit   CODE                         one an exit code
 */
#include <stdio.h>

#include "common/conf.h"
#include "common/prog.h"
#include "common/record.h"

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
			printf("field\t%s\t%s\t%s\n", record_types[type].name,
			    f->name,
			    (f->required & 1u << type) != 0 ? "required"
							    : "optional");
		}
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
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++)
		printf("exit\t%d\n", (int)codes[i]);
	return 0;
}
