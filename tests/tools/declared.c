/*
 * declared: prints what is generated from common/tables/tables.def:
 *
 *   declared columns     the sections of man/man5/messaging-tables.5
 *   declared metrics     and its list of the metrics of aggregator -a
 *   declared sql TABLE   the statements of a migration that creates the table,
 *                        and with shards TABLE_parts and the view over it
 *   declared types       TABLE COLUMN DEFINITION, separated by tabs, and of
 *                        each table PRIMARY KEY and its columns
 */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/tables/tables.h"

enum adding { KEY, SUM, MAX, MIN, BY_VIEW, NONE };

static const struct table *now; /* the current one; NULL: left out */
static size_t at;               /* its column */

/* The SQL type; TABLE_parts have no defaults. */
static void
type_of(const struct column *c, char *type, size_t size)
{
	static const char *const fixed[] = {
		[COLUMN_JSON] = "MEDIUMTEXT",
		[COLUMN_TIME] = "DATETIME(3)",
		[COLUMN_HOUR] = "DATETIME(3)",
		[COLUMN_SECONDS] = "DECIMAL(15,3)",
		[COLUMN_LENGTH] = "BIGINT",
		[COLUMN_REAL] = "DOUBLE",
		[COLUMN_BOOL] = "TINYINT",
		[COLUMN_VERSION] = "BIGINT",
		[COLUMN_OWN] = "",
	};
	const char *name = fixed[c->kind];

	if (c->kind == COLUMN_COUNT)
		name = c->max > UINT32_MAX ? "BIGINT" : "INT UNSIGNED";
	if (c->kind == COLUMN_TEXT && c->max > 65535)
		name = "MEDIUMTEXT";
	else if (c->kind == COLUMN_TEXT && c->max > 1000)
		name = "TEXT";
	if (name != NULL)
		snprintf(type, size, "%s", name);
	else
		snprintf(type, size, "VARCHAR(%d)", (int)c->max);
}

static void
definition_of(const struct column *c, char *text, size_t size)
{
	bool is_null = !c->needed || c->kind == COLUMN_LENGTH;
	char type[32];

	type_of(c, type, sizeof type);
	snprintf(text, size, "%s %s", type,
	    !is_null || c->kind == COLUMN_VERSION ? "NOT NULL" : "NULL");
}

/* The page. */

static const char *const lives[] = {
	[LIFE_NOW] = "Live; ",
	[LIFE_HISTORY] = "History; ",
	[LIFE_TENANT] = "",
	[LIFE_TOMBSTONE] = "",
	[LIFE_REFUSAL] = "",
	[LIFE_EVER] = "",
	[LIFE_NONE] = "In no database, printed by hand; ",
};

static size_t column; /* where the line goes on */

static void
end_line(void)
{
	if (column > 0)
		putchar('\n');
	column = 0;
}

/* One word; a sentence begins a line. */
static void
put_word(const char *p, size_t len)
{
	if (column > 0 && column + 1 + len > 79)
		end_line();
	if (column == 0 && (*p == '.' || *p == '\''))
		column += (size_t)printf("\\&");
	column += (size_t)printf("%s%.*s", column > 0 ? " " : "", (int)len, p);
	if (p[len - 1] == '.')
		end_line();
}

/* What stands between backticks, as a macro: a page, or what is typed. */
static const char *
put_typed(const char *p)
{
	size_t len = strcspn(p, "`"), name = strcspn(p, "(");
	bool page =
	    len > name + 2 && p[name + 2] == ')' && memchr(p, ' ', len) == NULL;
	char quoted = memchr(p, ' ', len) != NULL ? 'Q' : 'L';

	end_line();
	if (page)
		printf(".Xr %.*s %c", (int)name, p, p[name + 1]);
	else
		printf(".%s %.*s", quoted == 'Q' ? "Ql" : "Li", (int)len, p);
	for (p += len + 1; *p != '\0' && strchr(".,;:)", *p) != NULL; p++)
		printf(" %c", *p);
	putchar('\n');
	return p;
}

static void
put_text(const char *p)
{
	size_t len;

	while (*p != '\0') {
		p += strspn(p, " ");
		if (*p == '`') {
			p = put_typed(p + 1);
			continue;
		}
		len = strcspn(p, " ");
		if (len > 0)
			put_word(p, len);
		p += len;
	}
	end_line();
}

static void
page_begin(const struct table *t)
{
	now = t;
	at = 0;
	printf(".Ss %s\n", t->name);
}

static void
page_about(const char *text)
{
	struct buf b = BUF_INIT;
	const char *life = lives[now->life];

	buf_adds(&b, life);
	buf_adds(&b, text);
	if (life[0] != '\0' && b.data[strlen(life)] >= 'A' &&
	    b.data[strlen(life)] <= 'Z')
		b.data[strlen(life)] += 'a' - 'A';
	put_text(buf_str(&b));
	buf_release(&b);
	if (now->selector != NULL)
		printf("Of the metric\n.Li %s .\n", now->selector);
	puts(".Bl -tag -width Ds -compact");
}

static void
page_column(
    const char *name, const char *definition, bool key, const char *text)
{
	size_t len = strcspn(definition, " ");

	if (strncmp(definition, "INT UNSIGNED", 12) == 0)
		len = 12;
	printf(".It Ic %s Pq %.*s%s\n", name, (int)len, definition,
	    key ? ", key" : "");
	put_text(text);
}

static void
page_declared(const char *text)
{
	const struct column *c = &now->columns[at];
	char definition[64];

	definition_of(c, definition, sizeof definition);
	page_column(c->name, definition, at < now->keys, text);
	at++;
}

static void
page_end(const char *text)
{
	puts(".El");
	if (*text != '\0') {
		puts(".Pp");
		put_text(text);
	}
}

static void
print_whole(void)
{
#define TABLE(table, ...) page_begin(&tables[TABLE_##table]);
#define ABOUT(text) page_about(text);
#define COLUMN(name, type, add, text) page_declared(text);
#define WHOLE(name, type, text) page_declared(text);
#define ROW_VERSION(text) page_declared(text);
#define MADE(name, definition, text)                                           \
	page_column(#name, definition, false, text);
#define FIELD(name, definition, add, text)                                     \
	page_column(#name, definition, add == KEY, text);
#define END(table, text) page_end(text);
#include "common/tables/tables.def"
}

static void
page_begin_parts(const struct table *t)
{
	page_begin(t->parts);
	printf("Partial rows of\n.Li %s ;\nthe view\n.Li %s_all\n"
	       "adds them up.\n.Bl -tag -width Ds -compact\n",
	    t->name, t->name);
}

static void
page_part(enum adding add, const char *text)
{
	static const char *const how[] = {
		[KEY] = "",
		[SUM] = "Added up.",
		[MAX] = "The greatest counts.",
		[MIN] = "The least counts.",
		[BY_VIEW] = "",
		[NONE] = "",
	};
	struct buf b = BUF_INIT;

	if (now == NULL)
		return;
	buf_addf(&b, "%s%s%s", text, *text != '\0' ? " " : "", how[add]);
	page_declared(buf_str(&b));
	buf_release(&b);
}

static void
page_end_parts(void)
{
	if (now != NULL)
		page_end("");
	now = NULL;
}

static void
print_parts(void)
{
	now = NULL;
#define SHARDED(table, ...) page_begin_parts(&tables[TABLE_##table]);
#define COLUMN(name, type, add, text) page_part(add, "");
#define PART(name, type, add, text) page_part(add, text);
#define PARTS                                                                  \
	page_part(NONE, "");                                                   \
	page_part(NONE, "");
#define ROW_VERSION(text) page_part(MAX, "");
#define END(table, text) page_end_parts();
#include "common/tables/tables.def"
}

static void
print_metric(const char *table, const char *name, const char *help)
{
	printf(".It Li %s\n.Li %s :\n%s\n", name, table, help);
}

static void
print_metrics(void)
{
	puts(".Bl -tag -width conversations -compact");
#define TABLE(table, ...) now = &tables[TABLE_##table];
#define CHOSEN_BY(selector, help) print_metric(now->name, #selector, help);
#include "common/tables/tables.def"
	puts(".El");
}

/* SQL. */

static struct buf given, cells, keys; /* lists of columns for the view */
static bool simple; /* the view only adds up what the tables have */

static void
print_create(const struct table *t)
{
	char definition[64];
	const struct column *c;

	printf("CREATE TABLE IF NOT EXISTS %s (\n", t->name);
	for (c = t->columns; c < t->columns + t->columns_n; c++) {
		definition_of(c, definition, sizeof definition);
		printf("  `%s` %s%s,\n", c->name, definition,
		    c->kind == COLUMN_VERSION ? " DEFAULT 0"
		    : c->kind == COLUMN_PLACE ? " DEFAULT ''"
					      : "");
	}
	printf("  PRIMARY KEY (");
	for (at = 0; at < t->keys; at++)
		printf("%s`%s`", at > 0 ? ", " : "", t->columns[at].name);
	printf(")\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 "
	       "COLLATE=utf8mb4_bin");
	if (t->day >= 0)
		printf("\nPARTITION BY RANGE COLUMNS (`%s`)\n"
		       "  (PARTITION bmax VALUES LESS THAN (MAXVALUE))",
		    t->columns[t->day].name);
	puts(";");
}

static void
sql_column(const char *name, enum adding add)
{
	static const char *const how[] = { [KEY] = "",
		[SUM] = "SUM",
		[MAX] = "MAX",
		[MIN] = "MIN",
		[BY_VIEW] = "",
		[NONE] = "" };

	if (now == NULL)
		return;
	simple &= how[add][0] != '\0' || add == KEY;
	buf_addf(&given, "%s`%s`", given.len > 0 ? ",\n    " : "", name);
	if (add == KEY) {
		buf_addf(&keys, "%s`%s`", keys.len > 0 ? ", " : "", name);
		buf_addf(&cells, "%s`%s`", cells.len > 0 ? ", " : "", name);
	} else {
		buf_addf(&cells, ",\n  %s(`%s`) AS `%s`", how[add], name, name);
	}
}

static void
sql_end(void)
{
	const char *name;

	if (now == NULL)
		return;
	name = now->name;
	print_create(now);
	if (now->parts != NULL) {
		putchar('\n');
		print_create(now->parts);
	}
	if (now->parts != NULL && simple)
		printf(
		    "\nCREATE OR REPLACE SQL SECURITY INVOKER VIEW %s_all AS\n"
		    "SELECT\n  %s\nFROM (\n  SELECT\n    %s\n  FROM %s\n"
		    "  UNION ALL SELECT\n    %s\n  FROM %s_parts\n) s\n"
		    "GROUP BY\n  %s;\n",
		    name, buf_str(&cells), buf_str(&given), name,
		    buf_str(&given), name, buf_str(&keys));
	else if (now->parts != NULL)
		printf(
		    "\n-- The view %s_all has to be written by hand: not all "
		    "columns are the\n-- sum, maximum or minimum of those of "
		    "the parts.\n",
		    name);
	now = NULL;
}

static int
print_sql(const char *wanted)
{
	const struct table *t = table_find(wanted, strlen(wanted));

	if (t == NULL) {
		fprintf(stderr, "declared: rows go to no table '%s'\n", wanted);
		return 1;
	}
	simple = true;
#define TABLE(table, ...) now = t == &tables[TABLE_##table] ? t : NULL;
#define COLUMN(name, type, add, text) sql_column(#name, add);
#define WHOLE(name, type, text) sql_column(#name, BY_VIEW);
#define ROW_VERSION(text) sql_column("version", MAX);
#define END(table, text) sql_end();
#include "common/tables/tables.def"
	buf_release(&given);
	buf_release(&cells);
	buf_release(&keys);
	return 0;
}

/* Types. */

static void
print_type(const char *name, const char *definition)
{
	printf("%s\t%s\t%s\n", now->name, name, definition);
}

static void
print_types(void)
{
	char definition[64];
	const struct table *t;
	size_t i;

	for (t = tables; t < tables + TABLES_STORED; t++) {
		for (i = 0; i < t->columns_n; i++) {
			definition_of(
			    &t->columns[i], definition, sizeof definition);
			if (t->columns[i].kind != COLUMN_OWN)
				printf("%s\t%s\t%s\n", t->name,
				    t->columns[i].name, definition);
		}
		printf("%s\tPRIMARY KEY\t", t->name);
		for (i = 0; i < t->keys; i++)
			printf("%s%s", i > 0 ? "," : "", t->columns[i].name);
		putchar('\n');
	}
#define TABLE(table, ...) now = &tables[TABLE_##table];
#define MADE(name, definition, text) print_type(#name, definition);
#define FIELD(name, definition, add, text) print_type(#name, definition);
#include "common/tables/tables.def"
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "columns") == 0) {
		print_whole();
		print_parts();
	} else if (argc == 2 && strcmp(what, "metrics") == 0) {
		print_metrics();
	} else if (argc == 2 && strcmp(what, "types") == 0) {
		print_types();
	} else if (argc == 3 && strcmp(what, "sql") == 0) {
		return print_sql(argv[2]);
	} else {
		fputs("usage: declared columns|metrics|types|sql TABLE\n",
		    stderr);
		return 64;
	}
	return 0;
}
