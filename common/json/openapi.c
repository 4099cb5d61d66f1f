/*
 * openapi: see openapi.h.
 */
#include "common/json/openapi.h"

#include <stdio.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

static const char REFERENCE[] = "#/components/schemas/";

/* A shape that is being read. */
struct shape {
	const char *p, *whole;
};

static void write_shape(struct buf *to, struct shape *s);

static void
skip_blanks(struct shape *s)
{
	s->p += strspn(s->p, " ");
}

/* Reads c if it is next, and returns whether it was. */
static bool
takes(struct shape *s, char c)
{
	skip_blanks(s);
	if (*s->p != c)
		return false;
	s->p++;
	return true;
}

static void
expect(struct shape *s, char c)
{
	if (!takes(s, c))
		prog_die(PROG_SOFTWARE, "no %c at '%s' of the shape '%s'", c,
		    s->p, s->whole);
}

static struct text
take_name(struct shape *s)
{
	struct text t;

	skip_blanks(s);
	t.p = s->p;
	t.len = strcspn(s->p, " :?,=]}>)|'.");
	s->p += t.len;
	return t;
}

static struct text
take_quoted(struct shape *s)
{
	struct text t;

	expect(s, '\'');
	t.p = s->p;
	t.len = strcspn(s->p, "'");
	s->p += t.len;
	expect(s, '\'');
	return t;
}

/* Writes the type of a value; nullable adds null. */
static void
write_type(struct buf *to, const char *type, bool nullable)
{
	if (!nullable) {
		jsonw_str(to, "type", type);
		return;
	}
	jsonw_key(to, "type");
	buf_addf(to, "[\"%s\",\"null\"]", type);
}

static void
write_words(struct buf *to, struct shape *s)
{
	struct text word;

	jsonw_str(to, "type", "string");
	jsonw_key(to, "enum");
	jsonw_list(to);
	do {
		word = take_name(s);
		jsonw_next(to);
		jsonw_quote(to, word.p, word.len);
	} while (takes(s, '|'));
	jsonw_list_end(to);
	expect(s, ')');
}

static void
write_members(struct buf *to, struct shape *s)
{
	struct buf required = BUF_INIT;
	struct text name;

	jsonw_open_in(to, "properties");
	if (!takes(s, '}')) {
		do {
			name = take_name(s);
			if (!takes(s, '?')) {
				if (required.len > 0)
					buf_addc(&required, ',');
				jsonw_quote(&required, name.p, name.len);
			}
			expect(s, ':');
			jsonw_name(to, name.p, name.len);
			write_shape(to, s);
		} while (takes(s, ','));
		expect(s, '}');
	}
	jsonw_close(to);
	jsonw_key(to, "required");
	buf_addf(to, "[%s]", buf_str(&required));
	jsonw_bool(to, "additionalProperties", false);
	buf_release(&required);
}

/* Writes a named value. Returns the property that its range limits: "" or
 * "Length". */
static const char *
write_value(struct buf *to, struct shape *s, struct text name, bool nullable)
{
	static const struct {
		const char *name, *type, *more;
	} values[] = {
		{ "text", "string", NULL },
		{ "pattern", "string", NULL },
		{ "number", "number", NULL },
		{ "integer", "integer", NULL },
		{ "count", "integer", "\"minimum\":0" },
		{ "flag", "boolean", NULL },
		{ "time", "string", "\"format\":\"date-time\"" },
		{ "object", "object", NULL },
		{ "null", "null", NULL },
	};
	struct text pattern;
	size_t i;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		if (!text_is(name, values[i].name))
			continue;
		write_type(to, values[i].type, nullable);
		if (values[i].more != NULL)
			jsonw_members(
			    to, values[i].more, strlen(values[i].more));
		if (text_is(name, "pattern")) {
			pattern = take_quoted(s);
			jsonw_strn(to, "pattern", pattern.p, pattern.len);
		}
		return strcmp(values[i].type, "string") == 0 ? "Length" : "";
	}
	if (!text_is(name, "any"))
		prog_die(PROG_SOFTWARE, "'%.*s' of the shape '%s'",
		    (int)name.len, name.p, s->whole);
	return "";
}

/* Writes a range of numbers a..b. */
static void
write_range(struct buf *to, struct shape *s, const char *of)
{
	static const char *const names[2][2] = { { "minimum", "maximum" },
		{ "minLength", "maxLength" } };
	size_t i, len;

	for (i = 0; i < 2; i++) {
		skip_blanks(s);
		len = strspn(s->p, "0123456789");
		jsonw_raw(to, names[*of != '\0'][i], s->p, len);
		s->p += len;
		if (i == 0 && strncmp(s->p, "..", 2) == 0)
			s->p += 2;
	}
}

/* True if the shape that begins here is followed by a question mark. Looks past
 * nested shapes. */
static bool
is_nullable(const struct shape *s)
{
	const char *p = s->p;
	int depth = 0;
	bool quoted = false;

	for (; *p != '\0'; p++) {
		quoted ^= *p == '\'';
		if (quoted)
			continue;
		depth += strchr("([{<", *p) != NULL;
		depth -= strchr(")]}>", *p) != NULL;
		if (depth < 0 || (depth == 0 && *p == ','))
			return false;
		if (depth == 0 && *p == '?')
			return true;
	}
	return false;
}

/* Writes the value itself; returns the property that its range limits. */
static const char *
write_base(struct buf *to, struct shape *s, bool nullable)
{
	struct text name;
	struct buf ref = BUF_INIT;

	if (takes(s, '(')) {
		write_words(to, s);
	} else if (takes(s, '@')) {
		name = take_name(s);
		buf_addf(&ref, "%s%.*s", REFERENCE, (int)name.len, name.p);
		jsonw_str(to, "$ref", buf_str(&ref));
		buf_release(&ref);
	} else if (takes(s, '[')) {
		write_type(to, "array", nullable);
		jsonw_key(to, "items");
		write_shape(to, s);
		expect(s, ']');
	} else if (takes(s, '<')) {
		write_type(to, "object", nullable);
		jsonw_key(to, "additionalProperties");
		write_shape(to, s);
		expect(s, '>');
	} else if (takes(s, '{')) {
		write_type(to, "object", nullable);
		write_members(to, s);
	} else {
		return write_value(to, s, take_name(s), nullable);
	}
	return "";
}

static void
write_default(struct buf *to, struct shape *s)
{
	struct text t = take_name(s);

	if (t.len > 0 && (text_is_digit(*t.p) || text_is(t, "{")))
		jsonw_raw(to, "default", t.p, t.len);
	else
		jsonw_strn(to, "default", t.p, t.len);
}

static void
write_shape(struct buf *to, struct shape *s)
{
	const char *of;
	struct text about;

	jsonw_open(to);
	of = write_base(to, s, is_nullable(s));
	skip_blanks(s);
	if (text_is_digit(*s->p))
		write_range(to, s, of);
	(void)takes(s, '?');
	if (takes(s, '='))
		write_default(to, s);
	skip_blanks(s);
	if (*s->p == '\'') {
		about = take_quoted(s);
		jsonw_strn(to, "description", about.p, about.len);
	}
	jsonw_close(to);
}

static void
add_schema(struct buf *to, const char *shape)
{
	struct shape s = { shape, shape };

	write_shape(to, &s);
	skip_blanks(&s);
	if (*s.p != '\0')
		prog_die(PROG_SOFTWARE,
		    "'%s' does not belong to the shape '%s'", s.p, shape);
}

void
openapi_member(struct buf *to, const char *key, const char *shape)
{
	jsonw_key(to, key);
	add_schema(to, shape);
}

/* The quoted text at the end of a shape describes the parameter, not its
 * schema. */
void
openapi_parameter(struct buf *to, const char *name, const char *where,
    bool required, const char *shape)
{
	const char *about = strstr(shape, " '");
	struct buf bare = BUF_INIT;

	jsonw_next(to);
	jsonw_open(to);
	jsonw_str(to, "name", name);
	jsonw_str(to, "in", where);
	if (required)
		jsonw_bool(to, "required", true);
	if (strncmp(shape, "pattern ", 8) == 0)
		about = strstr(shape, "' '") != NULL ? strstr(shape, "' '") + 1
						     : NULL;
	if (about != NULL)
		jsonw_strn(to, "description", about + 2, strlen(about + 2) - 1);
	buf_add(&bare, shape,
	    about != NULL ? (size_t)(about - shape) : strlen(shape));
	openapi_member(to, "schema", buf_str(&bare));
	jsonw_close(to);
	buf_release(&bare);
}

/* Writes each NAME=SHAPE of a list as "NAME": {"schema": ...}. A shape must not
 * have a comma. */
static void
write_named(struct buf *to, const char *list)
{
	struct buf shape = BUF_INIT;
	const char *is;
	size_t len;

	for (; *list != '\0'; list += len, list += strspn(list, ", ")) {
		len = strcspn(list, ",");
		is = strchr(list, '=');
		jsonw_name(to, list, (size_t)(is - list));
		jsonw_open(to);
		buf_clear(&shape);
		buf_add(&shape, is + 1, len - (size_t)(is + 1 - list));
		openapi_member(to, "schema", buf_str(&shape));
		jsonw_close(to);
	}
	buf_release(&shape);
}

void
openapi_response(struct buf *to, const char *key, const char *description,
    const char *headers, const char *contents)
{
	jsonw_open_in(to, key);
	jsonw_str(to, "description", description);
	if (headers != NULL) {
		jsonw_open_in(to, "headers");
		write_named(to, headers);
		jsonw_close(to);
	}
	if (contents != NULL) {
		jsonw_open_in(to, "content");
		write_named(to, contents);
		jsonw_close(to);
	}
	jsonw_close(to);
}

bool
openapi_path_part(const char **p, char *name, size_t size)
{
	const char *from = strchr(*p, '{');

	if (from == NULL)
		return false;
	from += 1 + (from[1] == '*');
	*p = from + strcspn(from, "}");
	(void)snprintf(name, size, "%.*s", (int)(*p - from), from);
	return true;
}

void
openapi_path(struct buf *to, const char *pattern)
{
	for (; *pattern != '\0'; pattern++)
		if (*pattern != '*')
			buf_addc(to, *pattern);
}
