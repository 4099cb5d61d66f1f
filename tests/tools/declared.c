/*
 * declared: prints the text that is generated from common/tables/tables.def:
 *
 *   declared columns     the sections of man/man5/messaging-tables.5
 *   declared metrics     the list of metrics in man/man7/messaging-metrics.7
 */
#include <stdio.h>
#include <string.h>

#include "sink/tables/schema.h"

static const struct table *now; /* the current one; NULL: left out */
static size_t at;               /* its column */

/* The page. */

static const char *const lives[] = {
	[LIFE_NOW] = "Live.",
	[LIFE_HISTORY] = "History.",
	[LIFE_TENANT] = "",
	[LIFE_TOMBSTONE] = "",
	[LIFE_EVER] = "",
	[LIFE_NONE] =
	    "This table is not in the database; a simulation prints it.",
};

/* Writes the text in quotes and without its backticks, so no word of it becomes
 * a macro. */
static void
put_text(const char *p)
{
	putchar('"');
	for (; *p != '\0'; p++) {
		if (*p == '"')
			putchar('"');
		if (*p != '`')
			putchar(*p);
	}
	putchar('"');
}

/* The text, each sentence in a line. */
static void
put_lines(const char *p)
{
	for (; *p != '\0'; p++)
		if (p[0] == '.' && p[1] == ' ') {
			puts(".");
			p++;
		} else if (*p != '`') {
			putchar(*p);
		}
	putchar('\n');
}

/* The width of the first column. */
static size_t
longest_name(const struct table *t)
{
	size_t longest = strlen("Column");

	for (size_t i = 0; i < t->columns_n; i++)
		if (longest < t->columns[i].name_len)
			longest = t->columns[i].name_len;
	return longest;
}

/* True if its rows come from the aggregator, not from records. */
static bool
is_computed(const struct table *t)
{
	return t->selector != NULL && t->versions && t->at != 0 &&
	       strcmp(t->columns[t->at].name, "as_of") == 0;
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
	const char *life = lives[now->life];

	if (life[0] != '\0')
		puts(life);
	put_lines(text);
	if (now->selector != NULL)
		printf("The table belongs to the metric %s%s.\n", now->selector,
		    is_computed(now) ? "; it also has as_of and version" : "");
	printf(".Bl -column \"");
	for (size_t i = longest_name(now); i > 0; i--)
		putchar('x');
	puts("\" \"VARCHAR(191), key\"");
}

static void
page_column(const struct column *c, bool key, const char *text)
{
	char type[COLUMN_TYPE];

	column_type(c, type);
	printf(".It %s %s Ta %s%s", key ? "Sy" : "Li", c->name, type,
	    key ? ", key" : "");
	if (*text != '\0') {
		printf(" Ta ");
		put_text(text);
	}
	putchar('\n');
}

/* Columns that many tables have are explained at the top of the page. */
static bool
is_explained_above(const char *name, const char *text)
{
	if (*text != '\0')
		return false;
	if (strcmp(name, "tenant") == 0)
		return true;
	return is_computed(now) &&
	       (strcmp(name, "as_of") == 0 || strcmp(name, "version") == 0);
}

static void
page_declared(const char *text)
{
	const struct column *c = &now->columns[at];

	if (!is_explained_above(c->name, text))
		page_column(c, at < now->keys, text);
	at++;
}

/* The columns that the database computes. */
static void
page_made(const char *name, const char *text)
{
	const struct table_extra *e = now->extras;

	while (strcmp(e->column.name, name) != 0)
		e++;
	page_column(&e->column, false, text);
}

static void
page_end(const char *text)
{
	puts(".El");
	if (*text != '\0') {
		puts(".Pp");
		put_lines(text);
	}
}

static void
print_columns(void)
{
#define TABLE(table, ...) page_begin(&tables[TABLE_##table]);
#define ABOUT(text) page_about(text);
#define COLUMN(name, type, text) page_declared(text);
#define ROW_VERSION(text) page_declared(text);
#define DERIVED(name, type, text) page_declared(text);
#define MADE(name, type, expression, text) page_made(#name, text);
#define END(table, text) page_end(text);
#include "common/tables/tables.def"
}

static void
print_metric(const char *table, const char *name, const char *help)
{
	printf(".It Li %s Ta %s Ta ", name, table);
	put_text(help);
	putchar('\n');
}

static void
print_metrics(void)
{
	puts(".Bl -column \"conversations\" \"realtime_user_activity\"");
#define TABLE(table, ...) now = &tables[TABLE_##table];
#define CHOSEN_BY(selector, help) print_metric(now->name, #selector, help);
#include "common/tables/tables.def"
	puts(".El");
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "columns") == 0) {
		print_columns();
	} else if (argc == 2 && strcmp(what, "metrics") == 0) {
		print_metrics();
	} else {
		fputs("usage: declared columns|metrics\n", stderr);
		return 64;
	}
	return 0;
}
