/*
 * reply: the frame of a good answer: content type, ETag, and in JSON the object
 * around the rows: {"tenant":..., "rows":[...], "next":...}.
 */
#ifndef SINK_API_REPLY_H
#define SINK_API_REPLY_H

#include "sink/api/question.h"

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

/* Appends a member of such an object: a list of all rows of a result. */
void reply_rows(struct buf *to, const char *name,
    const struct sheet_column *columns, size_t n, struct db_rows *rows);

/* Sets *href to the address of what the figures of a row are made of. False:
 * there is none, or not for the viewer. */
typedef bool reply_link(
    const struct question *q, const struct db_rows *row, struct buf *href);

/* Writes a row of a sheet whose last column is its link, and not of the result;
 * NULL: no row has one. */
void reply_row(const struct question *q, struct sheet *s,
    const struct db_rows *row, reply_link *link);

/* Ends either. next: the cursor of the next page, NULL: none. Answers 304 when
 * the client has the same already. */
void reply_end(struct question *q, const char *next);
/* The same for a resource whose next page stands only in the header Link. */
void reply_end_linked(struct question *q, const char *next);

/* Appends a parameter that is a time, in ms: "from=...&". */
void reply_encode_time(struct buf *to, const char *name, int64_t ms);

#endif
