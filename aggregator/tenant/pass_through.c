/*
 * pass_through: see pass_through.h.
 */
#include "aggregator/tenant/pass_through.h"

#include <string.h>

#include "common/text/flat.h"
#include "common/text/jsonw.h"

static const char key[] = "\"snapshot\"";

static bool
is_line_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The start of the member whose value is at p: its key's quote. NULL: it is
 * written in an unusual way. */
static const char *
member_start(const char *line, const char *p)
{
	size_t len = strlen(key);

	if (p > line && p[-1] == '"')
		p--;
	while (p > line && is_line_blank(p[-1]))
		p--;
	if (p == line || *--p != ':')
		return NULL;
	while (p > line && is_line_blank(p[-1]))
		p--;
	if ((size_t)(p - line) < len || memcmp(p - len, key, len) != 0)
		return NULL;
	return p - len;
}

/* Also drops the comma after the member, or the one before it. */
static void
add_without(struct buf *to, const char *line, size_t len, const char *from,
    const char *after)
{
	const char *end = line + len;

	while (after < end && is_line_blank(*after))
		after++;
	if (after < end && *after == ',') {
		after++;
	} else {
		while (from > line && is_line_blank(from[-1]))
			from--;
		if (from > line && from[-1] == ',')
			from--;
	}
	buf_add(to, line, (size_t)(from - line));
	buf_add(to, after, (size_t)(end - after));
}

void
pass_through_add(
    struct buf *to, const struct record *r, const char *line, size_t len)
{
	const char *value = r->snapshot.p, *after, *from = NULL;

	/* A value with escapes is not part of the line. */
	if (value != NULL && value > line && value < line + len)
		from = member_start(line, value);
	if (from == NULL) {
		buf_add(to, line, len);
	} else {
		after = value + r->snapshot.len;
		if (value[-1] == '"')
			after++;
		add_without(to, line, len, from, after);
	}
	buf_addc(to, '\n');
}

void
pass_through_add_at(struct buf *to, const char *line, size_t len, int64_t at)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	const struct flat_field *x;
	const char *raw;
	size_t i, n;

	/* It is a record, so it can be parsed. */
	if (flat_parse(&f, line, len, &why) == 0) {
		jsonw_open(to);
		for (i = 0; i < f.n; i++) {
			x = &f.field[i];
			if (x == flat_find(&f, "snapshot"))
				continue;
			if (x == flat_find(&f, "at")) {
				jsonw_time(to, "at", at);
				continue;
			}
			raw = flat_raw(x, &n);
			jsonw_name(to, x->key, x->key_len);
			buf_add(to, raw, n);
		}
		jsonw_line(to);
	}
	flat_release(&f);
	buf_release(&why);
}
