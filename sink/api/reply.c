/*
 * reply: see reply.h.
 *
 * The ETag is a checksum of the answer: the same figures have the same one,
 * whichever server or process computed them. The cursor of the next page counts
 * too: what was the last page may get one behind it.
 */
#include "sink/api/reply.h"

#include "common/base/clock.h"
#include "common/digest/encoding.h"
#include "common/http/etag.h"
#include "common/text/jsonw.h"

struct buf *
reply_begin(struct question *q)
{
	static const char *const types[] = {
		[SHEET_JSON] = "application/json",
		[SHEET_NDJSON] = "application/x-ndjson",
		[SHEET_CSV] = "text/csv; charset=utf-8",
	};
	struct buf *to = &q->answer->body;

	q->answer->content_type = types[q->format];
	if (q->format == SHEET_JSON) {
		jsonw_open(to);
		jsonw_str(to, "tenant", q->viewer.tenant);
		jsonw_key(to, "rows");
	}
	return to;
}

bool
reply_takes_object(struct question *q)
{
	if (q->json_too)
		q->format = SHEET_JSON;
	return q->format == SHEET_JSON ||
	       question_problem(q, 406, "this resource has JSON only");
}

bool
reply_takes_json(struct question *q)
{
	if (!q->by_suffix)
		q->format = SHEET_JSON;
	return reply_takes_object(q);
}

struct buf *
reply_begin_object(struct question *q)
{
	struct buf *to = &q->answer->body;

	jsonw_open(to);
	jsonw_str(to, "tenant", q->viewer.tenant);
	return to;
}

void
reply_rows(struct buf *to, const char *name, const struct sheet_column *columns,
    size_t n, struct db_rows *rows)
{
	struct sheet s;

	jsonw_key(to, name);
	sheet_begin(&s, to, SHEET_JSON, columns, n);
	while (db_next(rows))
		sheet_row(&s, rows);
	sheet_end(&s);
}

void
reply_row(const struct question *q, struct sheet *s, const struct db_rows *row,
    reply_link *link)
{
	struct buf href = BUF_INIT;
	size_t i;

	for (i = 0; i + 1 < s->columns_n; i++)
		sheet_cell(s, row, i);
	sheet_text(
	    s, link != NULL && link(q, row, &href) ? buf_str(&href) : NULL);
	buf_release(&href);
}

void
reply_end(struct question *q, const char *next)
{
	if (q->format == SHEET_JSON && next != NULL)
		jsonw_str(&q->answer->body, "next", next);
	reply_end_linked(q, next);
}

void
reply_end_linked(struct question *q, const char *next)
{
	struct web_answer *a = q->answer;
	char etag[ETAG_TEXT];

	if (q->format == SHEET_JSON)
		jsonw_close(&a->body);
	etag_write(etag, &a->body, next);
	buf_addf(&a->headers,
	    "ETag: %s\nCache-Control: private, no-cache\nVary: Accept, "
	    "Authorization, Cookie\n",
	    etag);
	if (etag_is_known(q->request, etag)) {
		a->status = 304;
		buf_clear(&a->body);
	}
}

void
reply_encode_time(struct buf *to, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, text);
	buf_addf(to, "%s=", name);
	percent_encode(to, text);
	buf_addc(to, '&');
}
