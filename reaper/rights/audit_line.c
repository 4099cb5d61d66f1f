/*
 * audit_line: see audit_line.h. Ids stand in the parameter user_id, which may
 * be a list, and in the cursor of a page: of the values of the row before it,
 * each byte as two digits (sink/api/page_cursor.c).
 */
#include "reaper/rights/audit_line.h"

#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/hex.h"
#include "common/text/json_text.h"
#include "common/text/jsonw.h"

#define V1 "/api/v1/"

/* The lists whose pages have a user's id in their key: its place there. A test
 * holds them against the sink's lists. */
static const struct {
	const char *path;
	size_t place;
} by_user[] = { { V1 "users", 0 }, { V1 "alerts", 1 }, { V1 "receipts", 2 } };

bool
audit_line_is(const struct flat *f)
{
	const struct flat_field *parameters = flat_find(f, "parameters");

	return parameters != NULL && parameters->kind == FLAT_JSON &&
	       flat_find(f, "path") != NULL && flat_find(f, "role") != NULL &&
	       flat_find(f, "type") == NULL;
}

/* The place of the id among the values of a cursor; -1: it has none. With or
 * without a suffix, such as .csv. */
static int
place_of_id(const struct flat *f)
{
	const struct flat_field *path = flat_find(f, "path");
	size_t i, len;

	for (i = 0; path != NULL && i < ARRAY_LEN(by_user); i++) {
		len = strlen(by_user[i].path);
		if (path->val_len >= len &&
		    memcmp(path->val, by_user[i].path, len) == 0 &&
		    (path->val_len == len || path->val[len] == '.'))
			return (int)by_user[i].place;
	}
	return -1;
}

/* Appends the values that a cursor has. False: it is none. */
static bool
read_cursor(const char *hex, size_t len, struct buf *values)
{
	size_t i;
	int byte;

	for (i = 0; i + 1 < len; i += 2) {
		byte = hex_byte(hex + i);
		if (byte < 0)
			return false;
		buf_addc(values, (char)byte);
	}
	return i == len;
}

/* The value at a place, each ended by a NUL but the last one. */
static struct text
value_at(const struct buf *values, int place)
{
	const char *p = values->data, *end = p + values->len, *zero = NULL;

	for (; p != NULL; p = zero != NULL ? zero + 1 : NULL) {
		zero = memchr(p, '\0', (size_t)(end - p));
		if (place-- == 0)
			return (struct text){ p,
				(size_t)((zero != NULL ? zero : end) - p) };
	}
	return (struct text){ NULL, 0 };
}

/* The cursor with the alias in the place of the id, quoted. False: it has none.
 */
static bool
change_cursor(const struct subject *s, int place, const char *hex, size_t len,
    struct buf *to)
{
	struct buf values = BUF_INIT, changed = BUF_INIT;
	struct text id = { NULL, 0 };
	size_t before;
	bool theirs;

	if (place >= 0 && len > 0 && read_cursor(hex, len, &values))
		id = value_at(&values, place);
	theirs = text_is(id, s->id);
	if (theirs) {
		before = (size_t)(id.p - values.data);
		buf_add(&changed, values.data, before);
		buf_adds(&changed, s->alias);
		buf_add(&changed, id.p + id.len, values.len - before - id.len);
		buf_addc(to, '"');
		(void)hex_write(buf_room(to, 2 * changed.len),
		    (const unsigned char *)changed.data, changed.len);
		buf_grown(to, 2 * changed.len);
		buf_addc(to, '"');
	}
	buf_release(&values);
	buf_release(&changed);
	return theirs;
}

/* What takes the place of a value of a parameter, if anything does. */
static bool
change_value(const struct subject *s, int place, struct text name,
    struct text value, struct buf *to)
{
	if (text_is(name, "cursor"))
		return change_cursor(s, place, value.p, value.len, to);
	if (!text_is(name, "user_id") || !text_is(value, s->id))
		return false;
	jsonw_quote(to, s->alias, strlen(s->alias));
	return true;
}

/* Where an operator has the same id, it is theirs. */
bool
audit_line_change(struct flat *f, const struct subject *s, const char *line,
    size_t len, struct buf *to)
{
	struct json_text t = { .p = line, .end = line + len };
	struct text name = { "", 0 }, value;
	int place = place_of_id(f);
	const char *begin = line;
	size_t before = to->len;
	bool changed = false;

	while (!s->is_operator && json_text_peek(&t) != '\0') {
		if (json_text_peek(&t) != '"') {
			t.p++;
			continue;
		}
		value.p = t.p + 1;
		buf_add(to, begin, (size_t)(t.p - begin));
		begin = t.p;
		if (!json_text_string(&t))
			break;
		value.len = (size_t)(t.p - value.p) - 1;
		if (memchr(value.p, '\\', value.len) != NULL)
			value.p = flat_unescape(f, value.p, &value.len);
		json_text_blanks(&t);
		if (json_text_peek(&t) == ':') {
			name = value;
		} else if (change_value(s, place, name, value, to)) {
			begin = t.p;
			changed = true;
		}
	}
	buf_add(to, begin, (size_t)(line + len - begin));
	if (!changed)
		to->len = before;
	return changed;
}
