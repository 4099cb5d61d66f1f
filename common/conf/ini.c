/*
 * ini: see ini.h. NUL bytes are put into the text in place; nothing is copied,
 * so that its owner can wipe the secrets in it.
 */
#include "common/conf/ini.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/parse.h"

void
ini_init(struct ini *i, char *text, size_t len)
{
	memset(i, 0, sizeof *i);
	i->next = text + parse_utf8_mark(text, len);
	i->end = text + len;
}

static bool
is_ini_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends of [s, end); the rest is NUL-ended. */
static char *
trim_blanks(char *s, char *end)
{
	while (s < end && is_ini_blank(*s))
		s++;
	while (end > s && is_ini_blank(end[-1]))
		end--;
	*end = '\0';
	return s;
}

/* The next line in *line and *len; false at the end. */
static bool
next_ini_line(struct ini *i, char **line, size_t *len)
{
	char *nl;

	if (i->next >= i->end)
		return false;
	nl = memchr(i->next, '\n', (size_t)(i->end - i->next));
	*line = i->next;
	*len = (size_t)((nl != NULL ? nl : i->end) - i->next);
	i->next = nl != NULL ? nl + 1 : i->end;
	i->line++;
	return true;
}

static int
check_line(const char *line, size_t len, struct buf *why)
{
	if (len > INI_MAX_LINE)
		buf_setf(why, "the line is longer than %d bytes", INI_MAX_LINE);
	else if (parse_is_utf16(line, len))
		buf_setf(why, "the file is UTF-16; write it as UTF-8");
	else if (memchr(line, '\0', len) != NULL)
		buf_setf(why, "the line holds a NUL byte; is this text?");
	else if (!parse_is_utf8(line, len))
		buf_setf(why, "the line is not UTF-8");
	else
		return 0;
	return -1;
}

static int
read_header(struct ini *i, char *s, struct buf *why)
{
	char *end = s + strlen(s) - 1;

	if (*end != ']' || strchr(s, ']') != end) {
		buf_setf(why, "a section looks like [name], alone on its line");
		return -1;
	}
	i->key = NULL;
	i->value = trim_blanks(s + 1, end);
	return 1;
}

/* Refuses quotes and comments behind a value, which other INI formats have and
 * which would become part of the value here. */
static int
check_ini_value(const char *value, struct buf *why)
{
	size_t len = strlen(value);
	const char *s;

	if (len > 1 && value[0] == '"' && value[len - 1] == '"') {
		buf_setf(why, "values are written without quotes");
		return -1;
	}
	for (s = value; *s != '\0'; s++) {
		if (s > value && is_ini_blank(s[-1]) &&
		    (*s == '#' || *s == ';')) {
			buf_setf(why, "a comment needs a line of its own");
			return -1;
		}
		if ((unsigned char)*s < ' ' && *s != '\t') {
			buf_setf(why, "the value holds a control character");
			return -1;
		}
	}
	return 0;
}

static int
read_ini_key(struct ini *i, char *s, struct buf *why)
{
	char *eq = strchr(s, '=');

	if (eq == NULL) {
		buf_setf(why, "expected 'key = value', '[section]' or a "
			      "comment");
		return -1;
	}
	i->value = trim_blanks(eq + 1, eq + 1 + strlen(eq + 1));
	i->key = trim_blanks(s, eq);
	if (i->key[0] == '\0') {
		buf_setf(why, "there is no key in front of the '='");
		return -1;
	}
	return check_ini_value(i->value, why) == 0 ? 1 : -1;
}

int
ini_next(struct ini *i, struct buf *why)
{
	char *line, *s;
	size_t len;

	while (next_ini_line(i, &line, &len)) {
		if (check_line(line, len, why) != 0)
			return -1;
		s = trim_blanks(line, line + len);
		if (*s == '\0' || *s == '#' || *s == ';')
			continue;
		return *s == '[' ? read_header(i, s, why)
				 : read_ini_key(i, s, why);
	}
	return 0;
}
