/*
 * page_cursor: see page_cursor.h.
 *
 * The condition is written so that the server can begin at its place in the
 * index: key1 >= a AND (key1 > a OR (key1 = a AND ...)).
 */
#include "sink/api/page_cursor.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/digest/hex.h"

/* A value is one that the column can have. */
static bool
value_fits(const struct page_cursor *c, size_t key)
{
	const char *v = c->after[key];
	int64_t at;

	if (c->keys[key].type == SHEET_TIME)
		return clock_parse_sql(v, &at) == 0;
	return parse_is_utf8(v, strlen(v));
}

/* Reads the bytes; false: they are not hexadecimal, or not as many values as
 * there are keys. */
static bool
read_values(struct page_cursor *c, const char *hex)
{
	size_t i, n = 0;
	int byte;

	for (i = 0; hex[i] != '\0'; i += 2) {
		byte = hex_byte(hex + i);
		if (byte < 0)
			return false;
		n += byte == 0;
		buf_addc(&c->values, (char)byte);
	}
	return n + 1 == c->keys_n;
}

bool
page_cursor_read(struct page_cursor *c, const char *text)
{
	size_t i;

	if (text == NULL)
		return true;
	if (!read_values(c, text))
		return false;
	c->after[0] = buf_str(&c->values);
	for (i = 1; i < c->keys_n; i++)
		c->after[i] = c->after[i - 1] + strlen(c->after[i - 1]) + 1;
	for (i = 0; i < c->keys_n; i++) {
		if (!value_fits(c, i))
			return false;
	}
	return true;
}

/* Rows whose key is on that side of the cursor's; `or_equal` is the sign of the
 * last column, whose equality is that of the whole key. */
static size_t
add_side(const struct page_cursor *c, char sign, const char *or_equal,
    struct buf *sql, struct db_value args[PAGE_CURSOR_ARGS])
{
	size_t i, n = 0;

	if (c->after[0] == NULL)
		return 0;
	buf_addf(sql, " AND `%s` %c= ?", c->keys[0].name, sign);
	args[n++] = db_str(c->after[0]);
	for (i = 0; i < c->keys_n; i++) {
		buf_addf(sql, " AND (`%s` %c%s ?", c->keys[i].name, sign,
		    i + 1 == c->keys_n ? or_equal : "");
		args[n++] = db_str(c->after[i]);
		if (i + 1 == c->keys_n)
			break;
		buf_addf(sql, " OR (`%s` = ?", c->keys[i].name);
		args[n++] = db_str(c->after[i]);
	}
	for (i = 1; i < 2 * c->keys_n; i++)
		buf_addc(sql, ')');
	return n;
}

size_t
page_cursor_condition(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS])
{
	return add_side(c, c->newest_first ? '<' : '>', "", sql, args);
}

size_t
page_cursor_until(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS])
{
	return add_side(c, c->newest_first ? '>' : '<', "=", sql, args);
}

void
page_cursor_order(const struct page_cursor *c, struct buf *sql)
{
	size_t i;

	for (i = 0; i < c->keys_n; i++)
		buf_addf(sql, "%s`%s`%s", i == 0 ? " ORDER BY " : ", ",
		    c->keys[i].name, c->newest_first ? " DESC" : "");
}

void
page_cursor_write(
    const struct page_cursor *c, const struct db_rows *row, struct buf *to)
{
	struct buf values = BUF_INIT;
	char *end;
	size_t i;

	for (i = 0; i < c->keys_n; i++) {
		if (i > 0)
			buf_addc(&values, '\0');
		buf_adds(&values, db_get(row, c->keys[i].column));
	}
	end = buf_room(to, 2 * values.len);
	(void)hex_write(
	    end, (const unsigned char *)buf_str(&values), values.len);
	buf_grown(to, 2 * values.len);
	buf_release(&values);
}

void
page_cursor_release(struct page_cursor *c)
{
	buf_release(&c->values);
}
