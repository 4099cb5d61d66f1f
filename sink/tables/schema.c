/*
 * schema: see schema.h.
 */
#include "sink/tables/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/tables/schema_impl.h"

static const char CREATE_TABLE[] = "CREATE TABLE IF NOT EXISTS ";
static const char CREATE_VIEW[] =
    "CREATE OR REPLACE SQL SECURITY INVOKER VIEW ";
static const char ALTER_TABLE[] = "ALTER TABLE ";
static const char ADD_COLUMN[] = "ADD COLUMN ";
static const char ADD_KEY[] = "ADD KEY ";
static const char REPLACE_KEY[] = "DROP KEY ";
static const char RENAME_COLUMN[] = "RENAME COLUMN IF EXISTS ";
static const char DROP_TABLE[] = "DROP TABLE IF EXISTS ";
static const char INSERT[] = "INSERT IGNORE INTO ";
static const char UPDATE[] = "UPDATE ";
static const char PARTITION[] = "PARTITION BY RANGE COLUMNS (";
static const char NO_PARTITION[] = "REMOVE PARTITIONING";

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The name at *p, with or without backticks; moves *p to what comes next, maybe
 * in another line. */
static char *
parse_name(const char **p)
{
	static const char around[] = " `\n";
	size_t len;
	char *name;

	*p += strspn(*p, around);
	len = strcspn(*p, " `(,)\n");
	name = xstrndup(*p, len);
	*p += len;
	*p += strspn(*p, around);
	return name;
}

/* "(tenant, `user`) ..." as "tenant,user"; it may go on in another line. */
static char *
parse_name_list(const char *p)
{
	struct buf list = BUF_INIT;

	for (p++; *p != '\0' && *p != ')'; p++)
		if (*p != ' ' && *p != '\n' && *p != '`')
			buf_addc(&list, *p);
	return buf_take(&list);
}

/* The last column goes behind the one that its definition says: "... AFTER
 * operator". */
static void
place_column(struct schema_table *t)
{
	static const char after[] = " AFTER ";
	size_t i = t->columns - 1;
	struct schema_column last = t->column[i];
	char *where = strstr(last.definition, after);

	if (where == NULL)
		return;
	*where = '\0';
	where += strlen(after);
	for (; i > 0 && strcmp(t->column[i - 1].name, where) != 0; i--)
		t->column[i] = t->column[i - 1];
	t->column[i] = last;
}

static void
add_column(struct schema_table *t, const char *p)
{
	struct schema_column *c;

	XGROW(t->column, t->columns, t->columns_cap);
	c = &t->column[t->columns++];
	c->name = parse_name(&p);
	c->definition = xstrdup(p);
	place_column(t);
}

static void
add_key(struct schema_table *t, char *name, const char *list)
{
	struct schema_key *k;

	XGROW(t->key, t->keys, t->keys_cap);
	k = &t->key[t->keys++];
	k->name = name;
	k->columns = parse_name_list(list);
}

/* Adds a column or a key. */
static void
add_part(struct schema_table *t, const char *p)
{
	static const char primary[] = "PRIMARY KEY ", key[] = "KEY ";
	char *name;

	if (begins(p, primary)) {
		add_key(t, xstrdup("PRIMARY"), p + strlen(primary));
	} else if (begins(p, key)) {
		p += strlen(key);
		name = parse_name(&p);
		add_key(t, name, p);
	} else {
		add_column(t, p);
	}
}

/* Reads the lines of a table up to the closing parenthesis. */
static void
read_create_table(struct schema *s, const char *p)
{
	struct buf part = BUF_INIT;
	struct schema_table *t;
	const char *line, *end, *day = strstr(p, PARTITION);

	XGROW(s->table, s->tables, s->tables_cap);
	t = &s->table[s->tables++];
	memset(t, 0, sizeof *t);
	t->name = parse_name(&p);
	if (day != NULL)
		t->day = parse_name_list(day + strlen(PARTITION) - 1);
	for (line = strchr(p, '\n'); line != NULL; line = end) {
		line++;
		end = strchr(line, '\n');
		if (*line == ')')
			t->options = xstrdup(line);
		if (*line == ')' || end == NULL)
			break;
		if (part.len > 0 && !begins(line, "   ")) {
			add_part(t, buf_str(&part));
			buf_clear(&part);
		}
		line += strspn(line, " ");
		buf_addf(&part, "%s%.*s", part.len > 0 ? " " : "",
		    (int)(end - line), line);
		/* The comma separates parts and belongs to none. */
		if (part.data[part.len - 1] == ',' && begins(end + 1, "  ") &&
		    !begins(end + 1, "   "))
			part.data[--part.len] = '\0';
	}
	if (part.len > 0)
		add_part(t, buf_str(&part));
	buf_release(&part);
}

static struct schema_table *
find_schema_table(struct schema *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->tables; i++)
		if (strcmp(s->table[i].name, name) == 0)
			return &s->table[i];
	return NULL;
}

/* The table that is named at *p, which is moved past the name; NULL: none. */
static struct schema_table *
parse_table(struct schema *s, const char **p)
{
	char *name = parse_name(p);
	struct schema_table *t = find_schema_table(s, name);

	free(name);
	return t;
}

/* "A TO B": B if the name is A, else the name itself. Owned. */
static char *
renamed(const char *name, const char *p)
{
	char *from = parse_name(&p);
	bool is_it = begins(p, "TO ") && strcmp(from, name) == 0;

	free(from);
	if (!is_it)
		return xstrdup(name);
	p += strlen("TO ");
	return parse_name(&p);
}

/* The list "tenant,day" with one of its names replaced. Owned. */
static char *
renamed_in_list(char *list, const char *p)
{
	struct buf out = BUF_INIT;
	char *name, *now, *rest = NULL;

	for (name = strtok_r(list, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		now = renamed(name, p);
		buf_addf(&out, "%s%s", out.len > 0 ? "," : "", now);
		free(now);
	}
	return buf_take(&out);
}

static void
rename_column(struct schema_table *t, const char *p)
{
	char *now;
	size_t i;

	for (i = 0; i < t->columns; i++) {
		now = renamed(t->column[i].name, p);
		free(t->column[i].name);
		t->column[i].name = now;
	}
	for (i = 0; i < t->keys; i++) {
		now = renamed_in_list(t->key[i].columns, p);
		free(t->key[i].columns);
		t->key[i].columns = now;
	}
}

/* "NAME, ADD KEY NAME (LIST)": the key is the last from there on, and has other
 * columns. */
static void
replace_key(struct schema_table *t, const char *p)
{
	char *name = parse_name(&p);
	const char *list = strchr(p, '(');
	size_t i = 0;

	while (i < t->keys && strcmp(t->key[i].name, name) != 0)
		i++;
	if (i < t->keys && list != NULL) {
		free(t->key[i].name);
		free(t->key[i].columns);
		t->keys--;
		memmove(
		    &t->key[i], &t->key[i + 1], (t->keys - i) * sizeof *t->key);
		add_key(t, name, list);
	} else {
		free(name);
	}
}

static void
remove_partitions(struct schema_table *t)
{
	char *options = strstr(t->options, PARTITION);

	if (options != NULL)
		*options = '\0';
	free(t->former_day);
	t->former_day = t->day;
	t->day = NULL;
}

/* Columns of partitions are never renamed. */
static void
read_alter_table(struct schema *s, const char *p)
{
	struct schema_table *t = parse_table(s, &p);

	if (t != NULL && begins(p, ADD_COLUMN))
		add_column(t, p + strlen(ADD_COLUMN));
	else if (t != NULL && begins(p, ADD_KEY))
		add_part(t, p + strlen("ADD "));
	else if (t != NULL && begins(p, REPLACE_KEY))
		replace_key(t, p + strlen(REPLACE_KEY));
	else if (t != NULL && begins(p, RENAME_COLUMN))
		rename_column(t, p + strlen(RENAME_COLUMN));
	else if (t != NULL && begins(p, NO_PARTITION))
		remove_partitions(t);
}

/* Rows that are taken from another table are none of its first ones. */
static void
read_insert(struct schema *s, const char *sql)
{
	const char *p = sql + strlen(INSERT);
	struct schema_table *t = parse_table(s, &p);

	if (t == NULL || strstr(p, ") VALUES") == NULL)
		return;
	free(t->rows);
	t->rows = xstrdup(sql);
}

static void
read_update(struct schema *s, const char *sql)
{
	const char *p = sql + strlen(UPDATE);
	struct schema_table *t = parse_table(s, &p);

	if (t == NULL)
		return;
	free(t->update);
	t->update = xstrdup(sql);
}

static void
read_create_view(struct schema *s, const char *p)
{
	char *name = parse_name(&p);
	struct schema_view *v;
	size_t i;

	for (i = 0; i < s->views && strcmp(s->view[i].name, name) != 0; i++)
		;
	if (i == s->views) {
		XGROW(s->view, s->views, s->views_cap);
		s->view[s->views++] = (struct schema_view){ .name = name };
	} else {
		free(name);
	}
	v = &s->view[i];
	free(v->query);
	v->query = xstrdup(p);
}

/* Whether that name is a word of the text. */
static bool
has_word(const char *text, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(name);
	const char *p;

	for (p = text; (p = strstr(p, name)) != NULL; p += len)
		if ((p == text || strchr(letters, p[-1]) == NULL) &&
		    (p[len] == '\0' || strchr(letters, p[len]) == NULL))
			return true;
	return false;
}

/* Places a view behind those that it reads. */
static void
place_view(struct schema *s, size_t i)
{
	size_t k;

	if (s->view[i].placed)
		return;
	s->view[i].placed = true;
	for (k = 0; k < s->views; k++)
		if (has_word(s->view[i].query, s->view[k].name))
			place_view(s, k);
	s->order[s->ordered++] = i;
}

static void
free_table(struct schema_table *t)
{
	size_t i;

	for (i = 0; i < t->columns; i++) {
		free(t->column[i].name);
		free(t->column[i].definition);
	}
	for (i = 0; i < t->keys; i++) {
		free(t->key[i].name);
		free(t->key[i].columns);
	}
	free(t->column);
	free(t->key);
	free(t->name);
	free(t->day);
	free(t->former_day);
	free(t->options);
	free(t->rows);
	free(t->update);
}

static void
drop_table(struct schema *s, const char *p)
{
	char *name = parse_name(&p);
	struct schema_table *t;

	while ((t = find_schema_table(s, name)) != NULL) {
		free_table(t);
		*t = s->table[--s->tables];
	}
	free(name);
}

/* Takes what a statement changes. */
static void
read_statement(struct schema *s, const char *sql)
{
	if (begins(sql, CREATE_TABLE))
		read_create_table(s, sql + strlen(CREATE_TABLE));
	else if (begins(sql, CREATE_VIEW))
		read_create_view(s, sql + strlen(CREATE_VIEW));
	else if (begins(sql, ALTER_TABLE))
		read_alter_table(s, sql + strlen(ALTER_TABLE));
	else if (begins(sql, DROP_TABLE))
		drop_table(s, sql + strlen(DROP_TABLE));
	else if (begins(sql, INSERT))
		read_insert(s, sql);
	else if (begins(sql, UPDATE))
		read_update(s, sql);
}

struct schema *
schema_read(const struct migrations *files)
{
	struct schema *s = xcalloc(1, sizeof *s);
	struct buf sql = BUF_INIT;
	const char *text;
	size_t i;

	for (i = 0; i < files->n; i++) {
		text = buf_str(&files->file[i].text);
		while (migrations_statement(&text, &sql))
			read_statement(s, buf_str(&sql));
	}
	buf_release(&sql);
	s->order = xcalloc(s->views + 1, sizeof *s->order);
	for (i = 0; i < s->views; i++)
		place_view(s, i);
	return s;
}

void
schema_free(struct schema *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->tables; i++)
		free_table(&s->table[i]);
	for (i = 0; i < s->views; i++) {
		free(s->view[i].name);
		free(s->view[i].query);
	}
	free(s->table);
	free(s->view);
	free(s->order);
	free(s);
}
