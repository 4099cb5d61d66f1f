/*
 * cut_line: see cut_line.h.
 */
#include "reaper/files/cut_line.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/text/json_text.h"

/* The readable bytes that flat_parse() wants behind a line. */
#define BEHIND 64

/* Whether a number before p may have lost digits: at the end of the line, or
 * where another line begins that was glued to it. */
static bool
may_lack_digits(const struct json_text *t)
{
	return text_is_digit(t->p[-1]) &&
	       (t->p == t->end || strchr(",} \t\r", *t->p) == NULL);
}

/* Reads a member. */
static bool
take_member(struct json_text *t)
{
	const char *begin = t->p;

	json_text_blanks(t);
	return json_text_string(t) && json_text_colon(t) &&
	       json_text_value(t) && !may_lack_digits(t) &&
	       parse_is_utf8(begin, (size_t)(t->p - begin));
}

/* The bytes up to the end of the last member that is whole, and UTF-8 as all
 * before it; 0: none is. */
static size_t
length_of_members(const char *line, size_t len)
{
	struct json_text t = { .p = line, .end = line + len };
	size_t whole = 0;

	json_text_blanks(&t);
	if (json_text_peek(&t) != '{')
		return 0;
	do {
		t.p++;
		if (!take_member(&t))
			break;
		whole = (size_t)(t.p - line);
		json_text_blanks(&t);
	} while (json_text_peek(&t) == ',');
	return whole;
}

bool
cut_line_parse(struct flat *f, const char *line, size_t len,
    struct buf *members, bool *broken)
{
	size_t whole;

	*broken = flat_parse(f, line, len, NULL) != 0;
	if (!*broken)
		return true;
	whole = length_of_members(line, len);
	if (whole == 0)
		return false;
	buf_clear(members);
	buf_add(members, line, whole);
	buf_addc(members, '}');
	memset(buf_room(members, BEHIND), 0, BEHIND);
	return flat_parse(f, members->data, members->len, NULL) == 0;
}
