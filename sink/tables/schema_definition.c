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

/* What a definition has behind DEFAULT, up to a blank that is in neither quotes
 * nor parentheses. */
static char *
default_of(const char *definition)
{
	static const char word[] = " DEFAULT ";
	const char *from = strstr(definition, word), *end;
	bool literal = false;
	int depth = 0;

	if (from == NULL)
		return xstrdup("NULL");
	from += strlen(word);
	for (end = from; *end != '\0'; end++) {
		literal ^= *end == '\'';
		if (literal)
			continue;
		depth += (*end == '(') - (*end == ')');
		if (*end == ' ' && depth == 0)
			break;
	}
	return xstrndup(from, (size_t)(end - from));
}

/* A literal without its quotes, which one server leaves out. */
static struct text
unquoted(const char *p)
{
	struct text t = { p, strlen(p) };

	if (*p == '\'') {
		t.p++;
		t.len = strcspn(t.p, "'");
	}
	return t;
}

static bool
is_number(const char *p)
{
	static const char digits[] = "0123456789";
	size_t whole, part = 0;

	p += *p == '-';
	whole = strspn(p, digits);
	p += whole;
	if (*p == '.') {
		part = strspn(p + 1, digits);
		p += 1 + part;
	}
	return *p == '\0' && whole + part > 0;
}

/* A server writes a number for the type of its column, as 0.500: without the
 * zeros at both ends it is the same for .5. */
static void
normalize_number(struct buf *b)
{
	const char *p = buf_str(b);
	bool negative = *p == '-', fraction = strchr(p, '.') != NULL;
	size_t len;
	char *text;

	p += negative;
	p += strspn(p, "0");
	len = strlen(p);
	while (fraction && p[len - 1] == '0')
		len--;
	if (fraction && p[len - 1] == '.')
		len--;
	text = xstrndup(p, len);
	buf_setf(b, "%s%s%s", negative && len > 0 ? "-" : "",
	    len == 0 || *text == '.' ? "0" : "", text);
	free(text);
}

/* A number or an expression, in the form that both servers share. */
static void
normalize_default(const char *text, struct buf *b)
{
	static const char now[] = "now";
	struct buf is = BUF_INIT;
	const char *p;

	normalize_expression(text, &is);
	p = buf_str(&is);
	if (strcmp(p, "true") == 0 || strcmp(p, "false") == 0)
		buf_setf(b, "%d", *p == 't');
	else if (strncmp(p, now, strlen(now)) == 0)
		buf_setf(b, "current_timestamp%s", p + strlen(now));
	else
		buf_setf(b, "%s", p);
	if (is_number(buf_str(b)))
		normalize_number(b);
	buf_release(&is);
}

/* Of a column that may be NULL one server says so. */
bool
schema_same_default(const char *definition, bool none, const char *is)
{
	char *want = default_of(definition);
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct text x = unquoted(want), y = unquoted(is);
	bool wants_none = strcmp(want, "NULL") == 0, same;

	none |= strcmp(is, "NULL") == 0;
	if (wants_none || none) {
		same = wants_none && none;
	} else if (*want == '\'' || *is == '\'') {
		same = x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
	} else {
		normalize_default(want, &a);
		normalize_default(is, &b);
		same = strcmp(buf_str(&a), buf_str(&b)) == 0;
	}
	free(want);
	buf_release(&a);
	buf_release(&b);
	return same;
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
