/*
 * rowline: see rowline.h.
 */
#include "aggregator/rows/rowline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

#include "aggregator/rows/metric.h"

void
rowline_init(struct rowline *l, const struct table *t, const struct shard *part,
    const char *tenant, const char *snapshot, int64_t as_of, int64_t since,
    int64_t version)
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
		/* Behind the head each name has its comma. */
		buf_addf(&l->names, ",\"%s\":", table_cell(t, i)->name);
		l->cell[i].end = l->names.len;
		l->cell[i].form = cell_form(table_cell(t, i));
	}
	jsonw_time(&l->tail, "as_of", as_of);
	if (since != CLOCK_NONE)
		jsonw_time(&l->tail, "since", since);
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
copy(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* All but text, which is of any length. */
static char *
put_cell(char *to, enum cell_form form, const struct cell *c)
{
	if (!c->set)
		return copy(to, "null", 4);
	switch (form) {
	case CELL_NUMBER:
		return decimal_write(to, c->n);
	case CELL_SECONDS:
		return decimal_write_thousandths(to, c->n);
	case CELL_TIME:
		return jsonw_write_time(to, c->n);
	case CELL_FLAG:
		return c->n != 0 ? copy(to, "true", 4) : copy(to, "false", 5);
	case CELL_TEXT:
		break;
	}
	return to;
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
		start = buf_room(to, len + JSONW_TIME_ROOM);
		p = copy(start, l->names.data + from, len);
		p = put_cell(p, l->cell[i].form, c);
		buf_grown(to, (size_t)(p - start));
		if (c->set && l->cell[i].form == CELL_TEXT)
			jsonw_quote(to, c->text.p, c->text.len);
	}
	buf_addc(to, ',');
	buf_add(to, l->tail.data, l->tail.len);
}
