/*
 * question: a request to the API under way, and what all resources share:
 * parameters, the way to the tables, and the frame of the answer.
 *
 * question_ask() is the only way to the tables. It puts the viewer's tenant in
 * place of the first question mark of the statement, so nobody is answered from
 * another tenant's rows, and limits the time a statement may take.
 */
#ifndef SINK_API_QUESTION_H
#define SINK_API_QUESTION_H

#include "common/db/db.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"
#include "sink/api/sheet.h"
#include "sink/calendar/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answers that are errors, in the form of RFC 9457. */

/* Makes the answer a problem of that status, whatever it was before. detail is
 * a sentence for the client. */
void problem_answer(struct web_answer *a, int status, const char *detail);

/* The same for what the HTTP server itself refuses: a server_refuser. */
void problem_of_server(int status, struct web_answer *a);

#define QUESTION_PATH_MAX 1024

struct question {
	const struct web_request *request;
	struct web_answer *answer;
	struct db *db;
	struct viewer viewer;
	int64_t timeout_ms;           /* of a statement */
	char path[QUESTION_PATH_MAX]; /* without the suffix of the format */
	enum sheet_format format;     /* by reply_form_read() */
	bool by_suffix;               /* it is that of the path's suffix */
	bool any_form;                /* the header Accept has one of them */
	bool json_too;                /* JSON would do as well */
	size_t rows;                  /* that were read for the answer */
	bool begun;                   /* a transaction: question_begin() */
};

/* Makes the answer to a question. */
typedef void resource_handler(struct question *q);

/* Runs "SELECT ... WHERE tenant = ? ..." with the tenant and then args. False:
 * the answer is made, a problem. */
bool question_ask(struct question *q, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Whether the statement has a row, which is not one of the answer. False: as
 * above. */
bool question_finds(struct question *q, const char *sql,
    const struct db_value *args, size_t n, bool *is)
    __attribute__((warn_unused_result));

/* The same for rows that have long texts: at most so many of them, and up to
 * the one by which they are longer than a page. db_rows_cut(): there are more,
 * which the statement must ask for. */
#define QUESTION_PAGE_BYTES ((size_t)4 * 1024 * 1024)
bool question_ask_page(struct question *q, const char *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Makes the answer the problem that it takes too long. Returns false. */
bool question_late(struct question *q);

/* Statements between the two see the tables as they are at one moment. The end
 * may come without a begin. */
bool question_begin(struct question *q) __attribute__((warn_unused_result));
void question_end(struct question *q);

/* Makes the answer a problem (RFC 9457). detail is a sentence; it may name what
 * the client sent. Returns false. */
bool question_problem(struct question *q, int status, const char *detail, ...)
    __attribute__((format(printf, 3, 4)));

/* The n-th part of the path, decoded: 1 to RECORD_MAX_ID bytes with no blank at
 * the end, else a problem and false. */
bool question_part(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
    __attribute__((warn_unused_result));

/* The same with all that is behind it, slashes and suffix included. */
bool question_rest(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
    __attribute__((warn_unused_result));

/* A parameter of the query; NULL: it is absent or empty. */
const char *question_parameter(const struct question *q, const char *name);

/* Parameters; a problem and false when one is there and invalid. An
 * absent one leaves *n as it is. Times are RFC 3339, dates (their beginning by
 * the clock of the zone), or durations before now ("24h", "7d"). */
bool question_zoned_time(struct question *q, const struct zone *zone,
    const char *name, int64_t *ms) __attribute__((warn_unused_result));
/* The zone that the parameter `zone` names, UTC without one. Owned; NULL: the
 * answer is a problem. */
struct zone *question_zone(struct question *q)
    __attribute__((warn_unused_result));
bool question_int(struct question *q, const char *name, int64_t min,
    int64_t max, int64_t *n) __attribute__((warn_unused_result));
/* Whether it is there; its only value is 1. */
bool question_flag(struct question *q, const char *name, bool *is)
    __attribute__((warn_unused_result));
/* The place of the parameter among these words, up to NULL. */
bool question_word(struct question *q, const char *name,
    const char *const *words, size_t *place)
    __attribute__((warn_unused_result));
/* Seconds with at most three decimals, into ms. */
bool question_seconds(struct question *q, const char *name, int64_t max_s,
    int64_t *ms) __attribute__((warn_unused_result));

/* Which form of an answer a request wants: by the suffix of its path, else by
 * the header Accept, else JSON. The forms are written by sheet.h. */

/* Sets path, format, by_suffix, any_form and json_too. Of several forms that
 * are wanted as much the one is taken that is named, then JSON before CSV.
 * False: the path is too long for any resource. */
bool reply_form_read(struct question *q) __attribute__((warn_unused_result));

/* The frame of a good answer: content type, ETag, and in JSON the object
 * around the rows: {"tenant":..., "rows":[...], "next":...}. */

/* Begins the answer in the question's format; the rows are written next, by a
 * sheet, into what is returned. */
struct buf *reply_begin(struct question *q);

/* For an answer that is one object, which has JSON only. False: another format
 * is asked for, and the answer is a problem. Call it before asking tables. */
bool reply_takes_object(struct question *q);

/* The same where JSON is the answer whatever the header Accept says: only by a
 * suffix another format can be asked for. */
bool reply_takes_json(struct question *q);

/* Begins that object; the members are written next. */
struct buf *reply_begin_object(struct question *q);

/* Sets *href to the address of what the figures of a row are made of. False:
 * there is none, or not for the viewer. */
typedef bool reply_link(
    const struct question *q, const struct db_rows *row, struct buf *href);

/* Writes a row of a sheet whose last column is its link, and not of the result;
 * NULL: no row has one. */
void reply_row(const struct question *q, struct sheet *s,
    const struct db_rows *row, reply_link *link);

/* Appends a member of such an object: a list of all rows of a result; where the
 * last column is href, each with its link, NULL: no row has one. */
void reply_rows(struct question *q, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows,
    reply_link *link);

/* Ends either. next: the cursor of the next page, NULL: none. Answers 304 when
 * the client has the same already. */
void reply_end(struct question *q, const char *next);
/* The same for a resource whose next page stands only in the header Link. */
void reply_end_linked(struct question *q, const char *next);

/* Appends a parameter that is a time, in ms: "from=...&". */
void reply_encode_time(struct buf *to, const char *name, int64_t ms);

#endif
