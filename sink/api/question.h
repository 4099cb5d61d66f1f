/*
 * question: a request to the API, and the code that all resources share:
 * parameters, access to the tables, and the frame of the answer.
 *
 * question_ask() is the only access to the tables. It inserts the viewer's
 * tenant for the first question mark of the statement, so no answer can contain
 * another tenant's rows, and limits the time of a statement.
 */
#ifndef SINK_API_QUESTION_H
#define SINK_API_QUESTION_H

#include "common/db/db.h"
#include "common/hours/zone.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"
#include "sink/api/sheet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Error answers, in the form of RFC 9457. */

/* Turns the answer into a problem with that status, discarding its content.
 * detail is a sentence for the client. */
void problem_answer(struct web_answer *a, int status, const char *detail);

/* The same for requests that the HTTP server itself refuses: a
 * server_refuser. */
void problem_of_server(int status, struct web_answer *a);

#define QUESTION_PATH_MAX 1024

struct question {
	const struct web_request *request;
	struct web_answer *answer;
	struct db *db;
	struct viewer viewer;
	int64_t timeout_ms;           /* for each statement */
	char path[QUESTION_PATH_MAX]; /* without the format's suffix */
	enum sheet_format format;     /* set by reply_form_read() */
	bool bom;                     /* CSV begins with OUTPUT_CSV_BOM */
	size_t rows;                  /* number of rows read for the answer */
	bool begun;                   /* in a transaction: question_begin() */
};

/* Returns the time of the request; for live events, the current time. */
int64_t question_now(const struct question *q);

/* Creates the answer to a question. */
typedef void resource_handler(struct question *q);

/* Runs "SELECT ... WHERE tenant = ? ..." with the tenant followed by args.
 * Returns false if the answer is now a problem, or was one before. */
bool question_ask(struct question *q, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* The same with a statement that was built in a buffer, which it releases. */
bool question_run(struct question *q, struct buf *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Checks whether the statement has a row, which is not part of the answer.
 * False: as above. */
bool question_finds(struct question *q, const char *sql,
    const struct db_value *args, size_t n, bool *is)
    __attribute__((warn_unused_result));

/* The same for rows with long texts: reads rows until their texts exceed the
 * size of a page. db_rows_cut(): there are more, which the statement must
 * request. */
#define QUESTION_PAGE_BYTES ((size_t)4 * 1024 * 1024)
bool question_ask_page(struct question *q, const char *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Turns the answer into a problem: it takes too long. Returns false. */
bool question_late(struct question *q);

/* Statements between the two calls see the tables as of one moment. The end may
 * be called without a begin. */
bool question_begin(struct question *q) __attribute__((warn_unused_result));
void question_end(struct question *q);

/* Turns the answer into a problem (RFC 9457). detail is a sentence, which may
 * quote the request. Returns false. */
bool question_problem(struct question *q, int status, const char *detail, ...)
    __attribute__((format(printf, 3, 4)));

/* Decodes the n-th part of the path: 1 to RECORD_MAX_ID bytes without a space
 * at the end; otherwise a problem and false. */
bool question_part(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
    __attribute__((warn_unused_result));

/* The same including everything after it, with slashes and suffix. */
bool question_rest(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
    __attribute__((warn_unused_result));

/* Returns a query parameter; NULL if it is absent or empty. */
const char *question_parameter(const struct question *q, const char *name);

/* Read parameters; an invalid one gives a problem and false. An absent
 * parameter leaves *n unchanged. Times are RFC 3339, dates (their beginning in
 * the zone), or durations before now ("24h", "7d"). */
bool question_zoned_time(struct question *q, const struct zone *zone,
    const char *name, int64_t *ms) __attribute__((warn_unused_result));
/* Returns the value of the parameter `zone`; by default the zone of the tenant
 * (terms_zone_name()). Borrowed. */
const char *question_zone_name(const struct question *q);
/* Returns the zone with that name. Owned; NULL: the answer is now a problem. */
struct zone *question_zone(struct question *q)
    __attribute__((warn_unused_result));
bool question_int(struct question *q, const char *name, int64_t min,
    int64_t max, int64_t *n) __attribute__((warn_unused_result));
/* Sets *is if the flag is given; its only value is 1. */
bool question_flag(struct question *q, const char *name, bool *is)
    __attribute__((warn_unused_result));
/* Finds the parameter's index among these words, which end with NULL. */
bool question_word(struct question *q, const char *name,
    const char *const *words, size_t *place)
    __attribute__((warn_unused_result));

/* The form of an answer: from the suffix of the path, otherwise JSON. sheet.h
 * writes the forms. */

/* Sets path and format. Returns false if the path is too long for any
 * resource. */
bool reply_form_read(struct question *q) __attribute__((warn_unused_result));

/* The frame of a successful answer: content type, ETag, and in JSON the object
 * around the rows: {"tenant":..., "rows":[...], "next":...}. */

/* Begins the answer in the question's format. A sheet then writes the rows into
 * the returned buffer. */
struct buf *reply_begin(struct question *q);

/* For an answer that is one object, which only exists as JSON. Returns false if
 * another format is requested; the answer is then a problem. Call it before
 * querying tables. */
bool reply_takes_object(struct question *q);

/* Begins that object; the members are written next. */
struct buf *reply_begin_object(struct question *q);

/* Sets *href to the address of the data behind the figures in a row. Returns
 * false if there is none, or this viewer may not see them. */
typedef bool reply_link(
    const struct question *q, const struct db_rows *row, struct buf *href);

/* Writes a row of a sheet. With a link, it replaces the last cell. */
void reply_row(const struct question *q, struct sheet *s,
    const struct db_rows *row, reply_link *link);

/* Writes a row in which the n cells after the first ones are computed: by
 * write(), with ctx. */
struct reply_computed {
	size_t after, n;
	void (*write)(void *ctx, const struct db_rows *row, struct sheet *s);
	void *ctx;
};
void reply_computed_row(const struct question *q, struct sheet *s,
    const struct db_rows *row, const struct reply_computed *c,
    reply_link *link);

/* Appends a member of such an object: a list of all rows of a result, written
 * as above. */
void reply_rows(struct question *q, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows,
    reply_link *link);
void reply_computed_rows(struct question *q, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows,
    const struct reply_computed *c, reply_link *link);

/* Ends either kind of answer. next: the cursor of the next page, NULL: none.
 * Answers 304 if the client already has the same answer. */
void reply_end(struct question *q, const char *next);
/* The same for a resource whose next page is only in the Link header. */
void reply_end_linked(struct question *q, const char *next);

/* Appends a time parameter, in ms: "from=...&". */
void reply_encode_time(struct buf *to, const char *name, int64_t ms);

#endif
