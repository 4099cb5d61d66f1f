/*
 * chat_due: by when waiting customers must be answered, as of the time of a
 * request: computed from the times in chat_metrics and the tenant's hours, so
 * that time passes without new rows. All of it is NULL without targets.
 *
 * Cells only change at the instants that chat_due_next() returns. Between them,
 * equal rows give equal responses, so a client has the newest one already
 * (ETag), and counts down by itself.
 */
#ifndef SINK_RESOURCES_CHAT_DUE_H
#define SINK_RESOURCES_CHAT_DUE_H

#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/hours/terms.h"
#include "sink/api/question.h"

#include <stddef.h>
#include <stdint.h>

/* Columns of chat_metrics, and the wait in a row that has them from `column`
 * on. Its answer_by is CLOCK_NONE without a waiting customer or a target. */
#define CHAT_WAIT_COLUMNS "waiting_since, next_kind, answer_by, soon_at"
struct judged_wait chat_wait(const struct db_rows *row, size_t column);

/* The columns of a sheet that chat_due_write() fills in. */
#define CHAT_DUE_COLUMNS                                                       \
	{ "due", SHEET_TEXT, "text? 'in_time, soon, late or closed'" },        \
	    { "opens_at", SHEET_TIME,                                          \
		    "time? 'When the team opens, if due is closed'" },         \
	    { "closes_at", SHEET_TIME,                                         \
		    "time? 'When the team closes, if the target is in work "   \
		    "time and the team is open'" },                            \
	{                                                                      \
		"work_left_then_seconds", SHEET_NUMBER,                        \
		    "number? 'Work time of the target that is left at "        \
		    "opens_at or closes_at; negative: over; null: the target " \
		    "is in calendar time, or the team never closes'"           \
	}

#define CHAT_DUE_CELLS 4

/* Writes these cells for the wait in a row. channel: the chat's, or NULL;
 * waits: false if the customer has stopped waiting. */
void chat_due_write(struct question *q, const struct db_rows *row,
    size_t column, const char *channel, bool waits, struct sheet *s);

/* How many customers are soon late, and late. As in CHAT_IS_LATE(), late waits
 * count while the team is closed, too; waits that are soon late do not. */
struct due_count {
	int64_t soon, late;
};

struct due_counts {
	bool known;              /* false: the tenant has no targets */
	struct due_count all;    /* of the viewer's totals */
	struct strmap operators; /* id: struct due_count, of each with any */
};

/* Counts them; the chats do not count as rows of the response. Returns false if
 * the response is now a problem. */
bool due_counts_read(struct question *q, struct due_counts *c)
    __attribute__((warn_unused_result));
void due_counts_release(struct due_counts *c);

/* Returns the counts of an operator, or of all (NULL); CLOCK_NONE if the tenant
 * has no targets. */
struct due_count due_counts_of(const struct due_counts *c, const char *id);

/* Columns c of chat_metrics from which a count is computed, the condition of
 * the rows that may be soon late or late at a time, its only argument, and what
 * such a row is then. */
#define DUE_COUNT_COLUMNS CHAT_WAIT_COLUMNS ", channel"
#define DUE_COUNT_ROWS "status <> 'left' AND soon_at <= ?"
void due_count_add(struct due_count *c, const struct tenant_terms *terms,
    const struct db_rows *row, size_t column, int64_t now);

/* Sets *at to the next instant at which any of this changes although the tables
 * do not: a wait of any chat becomes soon late or late, or a team opens or
 * closes; INT64_MAX: never. Returns false if the response is now a problem. */
bool chat_due_next(struct question *q, int64_t *at)
    __attribute__((warn_unused_result));

/* Adds the condition of the parameter late: customers whose answer_by is
 * over. */
bool chat_due_filter(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

#endif
