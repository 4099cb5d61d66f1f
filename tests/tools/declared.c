/*
 * declared: prints what is generated from common/tables/tables.def:
 *
 *   declared columns     the sections of man/man5/messaging-tables.5
 *   declared metrics     and its list of the metrics of aggregator -a
 */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/tables/tables.h"

static const struct table *now; /* the current one; NULL: left out */
static size_t at;               /* its column */

/* The page. */

static const char *const lives[] = {
	[LIFE_NOW] = "Live; ",
	[LIFE_HISTORY] = "History; ",
	[LIFE_TENANT] = "",
	[LIFE_TOMBSTONE] = "",
	[LIFE_REFUSAL] = "",
	[LIFE_EVER] = "",
	[LIFE_NONE] = "Not in the database, printed by a simulation; ",
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
page_column(const struct column *c, bool key, const char *text)
{
	char type[COLUMN_TYPE];

	column_type(c, type);
	printf(".It Ic %s Pq %s%s\n", c->name, type, key ? ", key" : "");
	put_text(text);
}

static void
page_declared(const char *text)
{
	page_column(&now->columns[at], at < now->keys, text);
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
#define MADE(name, type, expression, text) page_made(#name, text);
#define END(table, text) page_end(text);
#include "common/tables/tables.def"
}

/* Of a table of partial rows, what it has in place of averages. */
static void
page_begin_parts(const struct table *t)
{
	now = t;
	at = 0;
	printf(".It Ic %s , Ic %s_all\n", t->parts->name, t->name);
}

static void
page_part(const char *name)
{
	printf("%s%s", at > 0 ? ",\n" : "", name);
	at++;
}

static void
page_end_parts(void)
{
	if (now != NULL && at > 0)
		puts(".");
	now = NULL;
}

static void
print_parts(void)
{
	puts(".Ss Partial tables and their views\n"
	     "With several aggregators, each writes rows of its own, which a "
	     "view\n"
	     "adds up.\n"
	     "Query the view: it also has the rows of the table itself.\n"
	     "A partial table has the columns of its table, and\n"
	     ".Ic generation\n"
	     "and\n"
	     ".Ic part\n"
	     "in its key.\n"
	     "In place of averages and percentiles it has these columns:\n"
	     ".Bl -tag -width Ds -compact");
#define SHARDED(table, ...) page_begin_parts(&tables[TABLE_##table]);
#define PART(name, type, add, text) page_part(#name);
#define END(table, text) page_end_parts();
#include "common/tables/tables.def"
	puts(".El");
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

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "columns") == 0) {
		print_whole();
		print_parts();
	} else if (argc == 2 && strcmp(what, "metrics") == 0) {
		print_metrics();
	} else {
		fputs("usage: declared columns|metrics\n", stderr);
		return 64;
	}
	return 0;
}
