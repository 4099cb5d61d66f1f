/*
 * row: one row as it goes to the database, read from a record and checked
 * against the declaration of its table, so that the database itself refuses
 * almost none. A message, view, event or assignment is a row of its own table;
 * a message's field `data` may hold a row of message_analytics (row_record.h).
 *
 * Fields without a column are ignored: a later version may write them. A
 * missing column is NULL, like null; a row without a required column (its key,
 * as_of, a chat's status) is bad. A text that only people read is cut to its
 * column: the row's metrics are worth more than the rest of the text.
 */
#ifndef SINK_ROWS_ROW_H
#define SINK_ROWS_ROW_H

#include "common/base/buf.h"
#include "common/containers/arena.h"
#include "common/db/db.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/* Bytes of a row's line: several times what its columns can hold, and
	 * small enough that a batch stays bounded. */
	ROW_MAX_LINE = 64 * 1024,
};

/* What the current transaction does with a row. */
enum row_fate {
	ROW_STORED,
	ROW_BAD,     /* the database refuses it: a dead letter is written */
	ROW_TOMB,    /* its chat was deleted later than its as_of */
	ROW_OLDER,   /* its snapshot is older than the stored one */
	ROW_EXPIRED, /* it is older than tombstones are kept */
	ROW_REMOVED, /* its tenant was removed later than its as_of */
	ROW_SHORT,   /* it counts since a later time than the stored rows */
};

struct batch_tenant;

struct sink_row {
	const struct table *table;
	struct batch_tenant *tenant; /* the batch's, set by batch_add() */
	struct text snapshot;        /* absent in a stream and in history */
	int64_t as_of;               /* the time it describes */
	int64_t since;               /* what it counts; CLOCK_NONE: ever */
	int64_t version;             /* of one key the greatest stays */
	uint64_t number;             /* of its line in the input */
	const char *line;
	size_t len;
	enum row_fate fate;
	const char *reason;       /* with ROW_BAD */
	bool undated;             /* as_of is when it was read */
	uint32_t cut;             /* bit i: the text of column i was cut */
	struct db_value values[]; /* one for each column */
};

/* An empty row of table t in the arena; r's texts and the line are borrowed. */
struct sink_row *row_new(const struct table *t, const struct record *r,
    const char *line, size_t len, struct arena *a);

/* Reads a record of type row, whose texts are in line; all that the result
 * points to lies in line or in the arena. NULL and *why if it is bad. */
struct sink_row *row_read_columns(const struct record *r, const char *line,
    size_t len, struct arena *a, struct buf *why)
    __attribute__((warn_unused_result));

/* Sets column k from a field. -1 and *why when the column does not take it. */
int row_set(struct sink_row *row, size_t k, const struct flat_field *f,
    struct buf *why) __attribute__((warn_unused_result));

/* Copies the row's texts that lie outside its line into the arena: the reader
 * overwrites them with the next line. */
void row_keep_texts(struct sink_row *row, struct arena *a);

/* The column that orders the rows of a tenant before the rest of their key: of
 * messages the chat, else the next one of the key. The messages of a batch are
 * near each other in time anyway, so a primary key that begins with the time
 * has them in a few pages; sorted by chat, the index by chat is entered chat by
 * chat too, and not at one random place a row. */
size_t row_order_column(const struct table *t);

/* Compares by tenant, order column and key, bytewise; of the same key the
 * newest version comes first, of the same version the one that wins in the
 * table: by the table's tie columns, else the one that came first. */
int row_compare(const struct sink_row *a, const struct sink_row *b);

/* Compares by tenant, order column and key only. */
int row_compare_key(const struct sink_row *a, const struct sink_row *b);

/* Writes the key without the tenant, as refused_rows keeps it. */
void row_key(const struct sink_row *row, struct buf *key);

/* The bytes of the first max characters; a character is a code point, as the
 * database counts. */
size_t row_text_bytes(const char *p, size_t len, int64_t max);

/* Reads a JSON number as thousandths, rounded half away from zero; -1 when it
 * does not fit DECIMAL(15,3). */
int row_seconds(const char *s, size_t len, int64_t *ms)
    __attribute__((warn_unused_result));

#endif
