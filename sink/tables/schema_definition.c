/*
 * schema_definition: whether a column is what the definition of the files says,
 * in the words of either server, and which columns a view has by its query; see
 * schema_impl.h.
 */
#include "sink/tables/schema_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

/* The type of a definition or of column_type, in the form that both servers
 * share: in lower case and without the width of an integer. */
static void
normalize_type(const char *text, struct buf *type)
{
	static const char *const ends[] = { " not null", " null", " default",
		" generated" };
	size_t i, len = strlen(text);
	char *p, *digits;

	buf_clear(type);
	for (i = 0; i < len; i++)
		buf_addc(type, (char)tolower((unsigned char)text[i]));
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		p = strstr(buf_str(type), ends[i]);
		if (p != NULL) {
			type->len = (size_t)(p - type->data);
			*p = '\0';
		}
	}
	p = strstr(buf_str(type), "int(");
	if (p == NULL)
		return;
	digits = strchr(p, ')');
	if (digits == NULL)
		return;
	memmove(p + 3, digits + 1, strlen(digits));
	type->len = strlen(type->data);
}

bool
schema_same_type(const char *definition, const char *is)
{
	struct buf want = BUF_INIT, got = BUF_INIT;
	bool same;

	normalize_type(definition, &want);
	normalize_type(is, &got);
	same = strcmp(buf_str(&want), buf_str(&got)) == 0;
	buf_release(&want);
	buf_release(&got);
	return same;
}

/* The expression of a generated column, in the form that both servers share
 * with the files: without blanks, quotes of names, parentheses, and without the
 * character sets and escapes that MySQL adds. What a literal has in its quotes
 * stays as it is. */
static void
normalize_expression(const char *text, struct buf *b)
{
	static const char set[] = "_utf8mb4";
	bool literal = false;

	buf_clear(b);
	for (; *text != '\0'; text++) {
		literal ^= *text == '\'';
		if (literal && *text != '\\')
			buf_addc(b, *text);
		else if (strncmp(text, set, strlen(set)) == 0)
			text += strlen(set) - 1;
		else if (strchr(" `()\\", *text) == NULL)
			buf_addc(b, (char)tolower((unsigned char)*text));
	}
}

bool
schema_same_expression(const char *definition, const char *is)
{
	static const char as[] = " GENERATED ALWAYS AS ", end[] = " VIRTUAL";
	const char *from = strstr(definition, as), *to;
	struct buf want = BUF_INIT, got = BUF_INIT;
	char *text;
	bool same;

	to = from != NULL ? strstr(from, end) : NULL;
	if (to == NULL)
		return true;
	from += strlen(as);
	text = xstrndup(from, (size_t)(to - from));
	normalize_expression(text, &want);
	normalize_expression(is, &got);
	same = strcmp(buf_str(&want), buf_str(&got)) == 0;
	free(text);
	buf_release(&want);
	buf_release(&got);
	return same;
}

/* A literal without its quotes, which one server leaves out. */
static struct text
default_value(const char *p)
{
	struct text t = { p, 0 };

	if (*p == '\'') {
		t.p++;
		t.len = strcspn(t.p, "'");
	} else {
		t.len = strcspn(p, " ");
	}
	return t;
}

/* Of a column that may be NULL one server says so. */
bool
schema_same_default(const char *definition, bool none, const char *is)
{
	static const char word[] = " DEFAULT ";
	const char *p = strstr(definition, word);
	struct text want, got = default_value(is);

	none |= strcmp(is, "NULL") == 0;
	if (p == NULL || none)
		return p == NULL && none;
	want = default_value(p + strlen(word));
	return want.len == got.len && memcmp(want.p, got.p, got.len) == 0;
}

/* Adds the word before `end`: of "MAX(p.as_of) AS as_of" it is the name. */
static void
add_view_column(const char *end, struct buf *list)
{
	const char *from;

	while (strchr(" \n`", end[-1]) != NULL)
		end--;
	for (from = end; strchr(" \n.`", from[-1]) == NULL;)
		from--;
	buf_addf(
	    list, "%s%.*s", list->len > 0 ? "," : "", (int)(end - from), from);
}

void
schema_view_columns(const char *query, struct buf *list)
{
	static const char end[] = "\nFROM ";
	bool literal = false, more = true;
	const char *p;
	int depth = 0;

	for (p = query; *p != '\0' && more; p++) {
		literal ^= *p == '\'';
		if (literal)
			continue;
		depth += (*p == '(') - (*p == ')');
		if (depth > 0)
			continue;
		more = strncmp(p, end, strlen(end)) != 0;
		if (*p == ',' || !more)
			add_view_column(p, list);
	}
}
