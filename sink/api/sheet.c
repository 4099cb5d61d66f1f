/*
 * sheet: see sheet.h.
 */
#include "sink/api/sheet.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/json/jsonw.h"
#include "common/output/output_table.h"

void
sheet_begin(struct sheet *s, struct buf *to, enum sheet_format format,
    const struct sheet_column *columns, size_t n)
{
	size_t i;

	*s = (struct sheet){
		.to = to, .format = format, .columns = columns, .columns_n = n
	};
	if (format == SHEET_JSON)
		jsonw_list(to);
	if (format != SHEET_CSV)
		return;
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(to, ',');
		output_csv_cell(to, columns[i].name, false);
	}
	buf_adds(to, "\r\n");
}

static void
begin_cell(struct sheet *s)
{
	if (s->format == SHEET_CSV) {
		if (s->at > 0)
			buf_addc(s->to, ',');
		return;
	}
	if (s->at == 0) {
		if (s->format == SHEET_JSON)
			jsonw_next(s->to);
		jsonw_open(s->to);
	}
	jsonw_key(s->to, s->columns[s->at].name);
}

static void
end_cell(struct sheet *s)
{
	static const char *const ends[] = {
		[SHEET_JSON] = "}", [SHEET_NDJSON] = "}\n", [SHEET_CSV] = "\r\n"
	};

	if (++s->at < s->columns_n)
		return;
	buf_adds(s->to, ends[s->format]);
	s->at = 0;
}

static void
add_value(struct sheet *s, const char *text, enum sheet_type type)
{
	if (type == SHEET_FLAG)
		buf_adds(s->to, *text == '0' ? "false" : "true");
	else if (s->format == SHEET_CSV)
		output_csv_cell(s->to, text, type == SHEET_NUMBER);
	else if (type == SHEET_TEXT || type == SHEET_TIME)
		jsonw_quote(s->to, text, strlen(text));
	else
		buf_adds(s->to, text);
}

void
sheet_text(struct sheet *s, const char *text)
{
	begin_cell(s);
	if (text != NULL)
		add_value(s, text, s->columns[s->at].type);
	else if (s->format != SHEET_CSV)
		buf_adds(s->to, "null");
	end_cell(s);
}

void
sheet_int(struct sheet *s, int64_t n)
{
	char text[DECIMAL_ROOM];

	sheet_text(s, decimal_text(text, n));
}

void
sheet_seconds(struct sheet *s, int64_t ms)
{
	char text[DECIMAL_ROOM];

	sheet_text(s, decimal_text_thousandths(text, ms));
}

void
sheet_time(struct sheet *s, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms != CLOCK_NONE)
		clock_format(ms, text);
	sheet_text(s, ms != CLOCK_NONE ? text : NULL);
}

void
sheet_cell(struct sheet *s, const struct db_rows *r, size_t column)
{
	if (s->columns[s->at].type == SHEET_TIME)
		sheet_time(s, db_get_time(r, column));
	else
		sheet_text(s, db_get(r, column));
}

void
sheet_row(struct sheet *s, const struct db_rows *r)
{
	size_t i;

	for (i = 0; i < s->columns_n; i++)
		sheet_cell(s, r, i);
}

void
sheet_end(struct sheet *s)
{
	if (s->format == SHEET_JSON)
		jsonw_list_end(s->to);
}
