/*
 * rowline: see rowline.h.
 */
#include "aggregator/rows/rowline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

#include "aggregator/rows/metric.h"

/* More bytes than a number, a time or a word takes. */
#define VALUE_ROOM 48

void
rowline_init(struct rowline *l, const struct table *t, const struct shard *part,
    const char *tenant, const char *snapshot, int64_t as_of, int64_t version)
{
	size_t i;

	memset(l, 0, sizeof *l);
	l->cells = table_cells(t);
	jsonw_open(&l->head);
	jsonw_str(&l->head, "type", "row");
	jsonw_str(&l->head, "table", t->name);
	jsonw_str(&l->head, "tenant", tenant);
	if (snapshot != NULL)
		jsonw_str(&l->head, "snapshot", snapshot);
	if (part != NULL) {
		jsonw_int(&l->head, "generation", part->generation);
		jsonw_int(&l->head, "part", part->number);
	}
	l->cell = xcalloc(l->cells + 1, sizeof *l->cell);
	for (i = 0; i < l->cells; i++) {
		buf_addf(&l->names, ",\"%s\":", table_cell(t, i)->name);
		l->cell[i].end = l->names.len;
		l->cell[i].form = cell_form(table_cell(t, i));
	}
	jsonw_time(&l->tail, "as_of", as_of);
	if (version != 0)
		jsonw_int(&l->tail, "version", version);
	jsonw_close(&l->tail);
}

void
rowline_release(struct rowline *l)
{
	buf_release(&l->head);
	buf_release(&l->names);
	buf_release(&l->tail);
	free(l->cell);
	memset(l, 0, sizeof *l);
}

static char *
put_span(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

static char *
put_number(char *to, uint64_t n)
{
	char digits[20];
	size_t len = 0;

	do
		digits[sizeof digits - ++len] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return put_span(to, digits + sizeof digits - len, len);
}

static char *
put_signed(char *to, int64_t n)
{
	if (n < 0)
		*to++ = '-';
	return put_number(to, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static char *
put_seconds(char *to, int64_t ms)
{
	uint64_t n = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	unsigned rest = (unsigned)(n % 1000);

	if (ms < 0)
		*to++ = '-';
	to = put_number(to, n / 1000);
	*to++ = '.';
	*to++ = (char)('0' + rest / 100);
	*to++ = (char)('0' + rest / 10 % 10);
	*to++ = (char)('0' + rest % 10);
	return to;
}

static char *
put_time(char *to, int64_t ms)
{
	char text[CLOCK_TEXT];
	size_t len = clock_format(ms, text);

	*to++ = '"';
	to = put_span(to, text, len);
	*to++ = '"';
	return to;
}

/* All forms but text, which may need escapes and more than VALUE_ROOM. */
static char *
put_cell(char *to, enum cell_form form, const struct cell *c)
{
	if (!c->set)
		return put_span(to, "null", 4);
	switch (form) {
	case CELL_NUMBER:
		return put_signed(to, c->n);
	case CELL_SECONDS:
		return put_seconds(to, c->n);
	case CELL_TIME:
		return put_time(to, c->n);
	case CELL_FLAG:
		return c->n != 0 ? put_span(to, "true", 4)
				 : put_span(to, "false", 5);
	case CELL_TEXT:
		break;
	}
	return to;
}

static bool
is_plain(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if ((unsigned char)t.p[i] < 0x20 || t.p[i] == '"' ||
		    t.p[i] == '\\')
			return false;
	return true;
}

void
rowline_add(const struct rowline *l, const struct cell *cells, struct buf *to)
{
	size_t i, from = 0, len;
	const struct cell *c;
	char *p, *start;

	buf_add(to, l->head.data, l->head.len);
	for (i = 0; i < l->cells; from = l->cell[i++].end) {
		c = &cells[i];
		len = l->cell[i].end - from;
		start = buf_room(to, len + VALUE_ROOM + c->text.len);
		p = put_span(start, l->names.data + from, len);
		if (!c->set || l->cell[i].form != CELL_TEXT) {
			p = put_cell(p, l->cell[i].form, c);
		} else if (is_plain(c->text)) {
			*p++ = '"';
			p = put_span(p, c->text.p, c->text.len);
			*p++ = '"';
		} else {
			buf_grown(to, (size_t)(p - start));
			jsonw_quote(to, c->text.p, c->text.len);
			continue;
		}
		buf_grown(to, (size_t)(p - start));
	}
	buf_addc(to, ',');
	buf_add(to, l->tail.data, l->tail.len);
}
