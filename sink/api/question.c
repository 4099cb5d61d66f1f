/*
 * question: see question.h.
 *
 * The ETag is a checksum of the answer: equal figures have the same ETag,
 * regardless of the server or process that computed them. The cursor of the
 * next page is included, because the last page may later get a successor.
 */
#include "sink/api/question.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/hours/terms.h"
#include "common/http/web.h"
#include "common/json/jsonw.h"
#include "common/output/output_table.h"
#include "sink/calendar/calendar.h"

/* Problems. */

void
problem_answer(struct web_answer *a, int status, const char *detail)
{
	a->status = status;
	a->content_type = "application/problem+json";
	buf_clear(&a->body);
	buf_clear(&a->headers);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "type", "about:blank");
	jsonw_str(&a->body, "title", http_status_text(status));
	jsonw_int(&a->body, "status", status);
	jsonw_str(&a->body, "detail", detail);
	jsonw_close(&a->body);
}

static const char *
why_refused(int status)
{
	switch (status) {
	case 400:
		return "malformed request line, header or query";
	case 403:
		return "X-Forwarded-For came from an address that is not in "
		       "[serve] proxies";
	case 413:
		return "the body is too long";
	case 414:
		return "path and query are longer than 4096 bytes";
	case 429:
		return "too many requests; wait for the time in Retry-After";
	case 431:
		return "there are too many headers, or they are too long";
	case 503:
		return "the server is busy or stopping; try again";
	default:
		return http_status_text(status);
	}
}

void
problem_of_server(int status, struct web_answer *a)
{
	problem_answer(a, status, why_refused(status));
}

/* The tables. */

/* The error numbers in MariaDB and MySQL for a statement that took too long. */
#define TOO_LONG_MARIADB 1969
#define TOO_LONG_MYSQL 3024

bool
question_problem(struct question *q, int status, const char *detail, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, detail);
	buf_addv(&text, detail, ap);
	va_end(ap);
	problem_answer(q->answer, status, buf_str(&text));
	buf_release(&text);
	return false;
}

bool
question_late(struct question *q)
{
	return question_problem(q, 503,
	    "the response takes longer than [serve] query_timeout; use a "
	    "shorter range, or raise query_timeout");
}

static bool
explain_failure(struct question *q)
{
	unsigned number = db_errno(q->db);

	if (number == TOO_LONG_MARIADB || number == TOO_LONG_MYSQL)
		return question_late(q);
	log_error("%s", db_why(q->db));
	if (db_cause(q->db) == DB_DENIED)
		return question_problem(q, 500, "%s", db_outage(q->db));
	if (db_outcome(db_cause(q->db)) != OUTCOME_LATER)
		return question_problem(q, 500, "the tables cannot be read");
	q->answer->retry_after = 1;
	return question_problem(q, 503, "%s; try again",
	    number == DB_LOCKED ? "another connection locks a table"
				: db_outage(q->db));
}

static bool
ask_first(struct question *q, const char *sql, const struct db_value *args,
    size_t n, struct db_bound most, struct db_rows **rows)
{
	struct db_value *all;
	struct buf text = BUF_INIT;
	enum outcome o;
	size_t i;

	if (q->answer->status >= 400)
		return false;
	o = q->begun ? db_connect(q->db) : db_wake(q->db);
	all = xcalloc(n + 1, sizeof *all);
	all[0] = db_str(q->viewer.tenant);
	for (i = 0; i < n; i++)
		all[i + 1] = args[i];
	if (o == OUTCOME_DONE) {
		db_select_within(q->db, &text, q->timeout_ms);
		buf_adds(&text, sql + strlen("SELECT "));
		o = db_query_first(
		    q->db, buf_str(&text), all, n + 1, most, rows);
	}
	buf_release(&text);
	free(all);
	if (o != OUTCOME_DONE)
		return explain_failure(q);
	q->rows += db_rows_count(*rows);
	return true;
}

bool
question_ask(struct question *q, const char *sql, const struct db_value *args,
    size_t n, struct db_rows **rows)
{
	const struct db_bound none = { SIZE_MAX, SIZE_MAX };

	return ask_first(q, sql, args, n, none, rows);
}

bool
question_run(struct question *q, struct buf *sql, const struct db_value *args,
    size_t n, struct db_rows **rows)
{
	bool good = question_ask(q, buf_str(sql), args, n, rows);

	buf_release(sql);
	return good;
}

bool
question_finds(struct question *q, const char *sql, const struct db_value *args,
    size_t n, bool *is)
{
	struct db_rows *rows = NULL;
	size_t before = q->rows;
	bool good = question_ask(q, sql, args, n, &rows);

	*is = good && db_rows_count(rows) > 0;
	q->rows = before;
	db_rows_free(rows);
	return good;
}

bool
question_ask_page(struct question *q, const char *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
{
	const struct db_bound page = { most, QUESTION_PAGE_BYTES };

	return ask_first(q, sql, args, n, page, rows);
}

bool
question_begin(struct question *q)
{
	enum outcome o = db_wake(q->db);

	if (o == OUTCOME_DONE)
		o = db_begin_reading(q->db);
	q->begun = o == OUTCOME_DONE;
	return o == OUTCOME_DONE || explain_failure(q);
}

void
question_end(struct question *q)
{
	db_rollback(q->db);
	q->begun = false;
}

/* Parameters: the ids in the path, and those of the query as times, zones,
 * numbers and flags. */

/* Returns false if the percent-encoding is invalid, or the result is too long
 * or not text. */
static bool
decode_part(const char *p, size_t len, char *to, size_t room)
{
	char *text = percent_decode(p, len);
	size_t n = text != NULL ? strlen(text) : 0;
	bool good = n > 0 && n < room && parse_is_utf8(text, n);

	if (good)
		memcpy(to, text, n + 1);
	free(text);
	return good;
}

static bool
take_id(struct question *q, const char *part, size_t len,
    char id[RECORD_MAX_ID + 1])
{
	if (!decode_part(part, len, id, RECORD_MAX_ID + 1))
		return question_problem(
		    q, 400, "an id in the path must have 1 to 191 bytes");
	/* The database would match it with the id without the space. */
	return !text_ends_with_blank(id, strlen(id)) ||
	       question_problem(q, 400, "an id in the path ends with a space");
}

bool
question_part(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
{
	size_t len;
	const char *part = path_pattern_part(q->path, n, &len);

	return take_id(q, part, len, id);
}

bool
question_rest(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
{
	size_t len;
	const char *part = path_pattern_part(q->request->path, n, &len);

	return take_id(q, part, strlen(part), id);
}

const char *
question_parameter(const struct question *q, const char *name)
{
	const char *v = web_last_parameter(q->request, name, NULL);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* The + of an offset becomes a space if it was not encoded. */
static bool
parse_instant(const char *v, int64_t *ms)
{
	static const char offset[] = " 03:00";
	size_t len = strlen(v), at;
	char *text = xstrndup(v, len);
	bool good;

	at = len - (len < strlen(offset) ? len : strlen(offset));
	if (text[at] == ' ')
		text[at] = '+';
	good = clock_parse(text, len, ms) == 0;
	free(text);
	return good;
}

/* Reads "24h". A bare number is refused: it probably means a year, a day
 * without dashes or seconds since 1970, not seconds ago. Times before the year
 * 1 are refused, too, because no link to a next page can express them. */
static bool
parse_ago(const char *v, int64_t now_ms, int64_t *ms)
{
	const int64_t first = clock_civil(1, 1, 1, 0, 0, 0) * 1000;
	int64_t back;

	if (v[strspn(v, "0123456789")] == '\0' ||
	    parse_duration(v, &back) != 0 || back > now_ms - first)
		return false;
	*ms = now_ms - back;
	return true;
}

/* Reads the beginning of a day in the zone. */
static bool
parse_day(const char *v, const struct zone *zone, int64_t *ms)
{
	char midnight[] = "2026-11-20T00:00:00Z";
	const size_t len = strlen("2026-11-20");

	if (strlen(v) != len)
		return false;
	memcpy(midnight, v, len);
	if (clock_parse(midnight, strlen(midnight), ms) != 0)
		return false;
	*ms = calendar_day_begin(zone, *ms / DAY_MS);
	return true;
}

bool
question_zoned_time(
    struct question *q, const struct zone *zone, const char *name, int64_t *ms)
{
	const char *v = question_parameter(q, name);

	if (v == NULL || parse_instant(v, ms) || parse_day(v, zone, ms) ||
	    parse_ago(v, q->request->now_ms, ms))
		return true;
	return question_problem(q, 400,
	    "%s must be a time such as 2026-11-20T10:00:00Z or 2026-11-20, or "
	    "an age such as 24h or 7d",
	    name);
}

const char *
question_zone_name(const struct question *q)
{
	const char *name = question_parameter(q, "zone");
	const struct tenant_terms *terms = viewer_terms(&q->viewer);

	if (name != NULL)
		return name;
	return terms != NULL ? terms_zone_name(terms) : "UTC";
}

struct zone *
question_zone(struct question *q)
{
	struct buf why = BUF_INIT;
	struct zone *zone = zone_open(question_zone_name(q), &why);

	if (zone == NULL)
		(void)question_problem(q, 400, "zone: %s", buf_str(&why));
	buf_release(&why);
	return zone;
}

bool
question_int(
    struct question *q, const char *name, int64_t min, int64_t max, int64_t *n)
{
	const char *v = question_parameter(q, name);

	if (v == NULL || parse_int(v, min, max, n) == 0)
		return true;
	return question_problem(q, 400,
	    "%s must be a whole number from %" PRId64 " to %" PRId64, name, min,
	    max);
}

int64_t
question_now(const struct question *q)
{
	return q->request != NULL ? q->request->now_ms : clock_now_ms();
}

bool
question_flag(struct question *q, const char *name, bool *is)
{
	const char *v = question_parameter(q, name);

	*is = v != NULL;
	return v == NULL || strcmp(v, "1") == 0 ||
	       question_problem(q, 400, "%s must be 1", name);
}

bool
question_word(struct question *q, const char *name, const char *const *words,
    size_t *place)
{
	const char *v = question_parameter(q, name);
	struct buf all = BUF_INIT;
	size_t i;

	if (v == NULL)
		return true;
	for (i = 0; words[i] != NULL && strcmp(words[i], v) != 0; i++)
		buf_addf(&all, "%s%s", i > 0 ? ", " : "", words[i]);
	if (words[i] != NULL)
		*place = i;
	else
		(void)question_problem(
		    q, 400, "%s must be one of %s", name, buf_str(&all));
	buf_release(&all);
	return words[i] != NULL;
}

/* The form of the answer. */

static const struct {
	const char *suffix, *type;
} forms[] = {
	[SHEET_JSON] = { ".json", "application/json" },
	[SHEET_NDJSON] = { ".ndjson", "application/x-ndjson" },
	[SHEET_CSV] = { ".csv", "text/csv; charset=utf-8" },
};

/* Removes the suffix from the path. */
static bool
take_suffix(char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	if (len <= n || strcmp(path + len - n, suffix) != 0)
		return false;
	path[len - n] = '\0';
	return true;
}

bool
reply_form_read(struct question *q)
{
	const char *path = q->request->path;
	size_t i;

	if (strlen(path) >= QUESTION_PATH_MAX)
		return false;
	memcpy(q->path, path, strlen(path) + 1);
	q->format = SHEET_JSON;
	for (i = 0; i < ARRAY_LEN(forms); i++) {
		if (take_suffix(q->path, forms[i].suffix)) {
			q->format = (enum sheet_format)i;
			break;
		}
	}
	return true;
}

/* The answer. */

struct buf *
reply_begin(struct question *q)
{
	struct buf *to = &q->answer->body;

	q->answer->content_type = forms[q->format].type;
	if (q->bom)
		buf_adds(to, OUTPUT_CSV_BOM);
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
	return q->format == SHEET_JSON ||
	       question_problem(
		   q, 406, "this resource is only available as JSON");
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
reply_computed_row(const struct question *q, struct sheet *s,
    const struct db_rows *row, const struct reply_computed *c, reply_link *link)
{
	size_t i, after = c != NULL ? c->after : 0, n = c != NULL ? c->n : 0;
	struct buf href = BUF_INIT;

	for (i = 0; i < after; i++)
		sheet_cell(s, row, i);
	if (c != NULL)
		c->write(c->ctx, row, s);
	for (i = after + n; i + (link != NULL) < s->columns_n; i++)
		sheet_cell(s, row, i);
	if (link != NULL)
		sheet_text(s, link(q, row, &href) ? buf_str(&href) : NULL);
	buf_release(&href);
}

void
reply_row(const struct question *q, struct sheet *s, const struct db_rows *row,
    reply_link *link)
{
	reply_computed_row(q, s, row, NULL, link);
}

void
reply_computed_rows(struct question *q, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows,
    const struct reply_computed *c, reply_link *link)
{
	struct sheet s;

	jsonw_key(&q->answer->body, name);
	sheet_begin(&s, &q->answer->body, SHEET_JSON, columns, n);
	while (db_next(rows))
		reply_computed_row(q, &s, rows, c, link);
	sheet_end(&s);
}

void
reply_rows(struct question *q, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows,
    reply_link *link)
{
	reply_computed_rows(q, name, columns, n, rows, NULL, link);
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
	    "ETag: %s\nCache-Control: private, no-cache\nVary: "
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
