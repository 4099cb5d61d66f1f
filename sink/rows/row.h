/*
 * row: one row as it is sent to the database, read from a record and checked
 * against the declaration of its table, so that the database itself refuses
 * almost none. A message, view, event or assignment is a row of its own table;
 * a message's field `data` may have a row of message_analytics (row_record.h).
 *
 * Fields without a column are ignored, because a later version may write them.
 * A missing column is NULL, like null; a row without a required column (its
 * key, as_of, a chat's status) is bad. A text that only people read is
 * truncated to its column, because the row's figures are more important than
 * the rest of the text.
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
	/* Maximum length of a row's line: several times the size of its
	 * columns, and small enough that a batch stays bounded. */
	ROW_MAX_LINE = 64 * 1024,
};

/* The fate of a row in the current transaction. */
enum row_fate {
	ROW_STORED,
	ROW_BAD,     /* the database rejects it: it becomes a dead letter */
	ROW_TOMB,    /* its chat was deleted after its as_of */
	ROW_OLDER,   /* its snapshot is older than the stored one */
	ROW_EXPIRED, /* it is older than tombstones are kept */
	ROW_REMOVED, /* its tenant was removed after its as_of */
	ROW_FLUSHED, /* its flush is refused */
};

struct batch_tenant;
struct flush;

struct sink_row {
	const struct table *table;
	struct batch_tenant *tenant; /* the batch's tenant, set by
				      * batch_add() */
	struct text snapshot;        /* absent in streams and in history */
	int64_t as_of;               /* the time it describes */
	int64_t version;             /* of several rows with the same key, the
				      * greatest stays */
	uint64_t number;             /* number of its line in the input */
	const char *line;
	size_t len;
	enum row_fate fate;
	const char *reason;        /* for ROW_BAD */
	const struct flush *flush; /* to which it belongs; NULL: none */
	bool undated;              /* as_of is the time of reading */
	uint32_t cut;              /* bit i: the text in column i was
				    * truncated */
	/* The row from which this one was made, and with which it is stored or
	 * not; NULL: the row of a line, which counts. */
	const struct sink_row *of;
	struct db_value values[]; /* one for each column; those of
				   * derived columns are set before it
				   * is stored */
};

/* Makes an empty row of table t in the arena; r's texts and the line are
 * borrowed, until batch_add() copies them. */
struct sink_row *row_new(const struct table *t, const struct record *r,
    const char *line, size_t len, struct arena *a);

/* Reads a record of type row, whose texts are borrowed. Returns NULL and *why
 * if it is bad. */
struct sink_row *row_read_columns(const struct record *r, const char *line,
    size_t len, struct arena *a, struct buf *why)
    __attribute__((warn_unused_result));

/* Sets column k from a field. Returns -1 and *why if the value does not fit the
 * column. */
int row_set(struct sink_row *row, size_t k, const struct flat_field *f,
    struct buf *why) __attribute__((warn_unused_result));

/* Copies the row's texts outside of its line into the arena: those of an object
 * inside the record, before its parser is released. */
void row_keep_texts(struct sink_row *row, struct arena *a);

/* Compares by tenant, then messages by chat, then by key, bytewise. For the
 * same key, the newest version comes first; for the same version, the row that
 * wins in the table: by the table's tie columns, otherwise the one that arrived
 * first. */
int row_compare(const struct sink_row *a, const struct sink_row *b);

/* The same without versions and ties. */
int row_compare_key(const struct sink_row *a, const struct sink_row *b);

/* Returns the length in bytes of the first max characters; a character is a
 * code point, as in the database. */
size_t row_text_bytes(const char *p, size_t len, int64_t max);

#endif
