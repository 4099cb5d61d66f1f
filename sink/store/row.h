/*
 * row: one row as it goes to the database, read from a record and checked
 * against its table, so that the database is hardly ever the one to refuse.
 * A message, view, event or assignment is a row of its own table, and what a
 * message's data says of it one of another (row_record.c).
 *
 * Fields that are no column are skipped (a later version's). A column that is
 * missing is NULL, as null is; without a column that is needed (its key,
 * as_of, a chat's status) the row is bad. A text that only people read is cut
 * when its column is too narrow: the row's metrics are worth more.
 */
#ifndef SINK_STORE_ROW_H
#define SINK_STORE_ROW_H

#include "common/base/buf.h"
#include "common/containers/arena.h"
#include "common/db/db.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/* A row's line: several times what its columns can hold, and small
	 * enough that a batch of them stays bounded. */
	ROW_MAX_LINE = 64 * 1024,
};

/* What became of a row in the transaction that is under way. */
enum row_fate {
	ROW_STORED,
	ROW_BAD,     /* the database refused it: to the dead letters */
	ROW_TOMB,    /* its chat was deleted later than that */
	ROW_OLDER,   /* of a snapshot older than the stored one */
	ROW_AGED,    /* older than tombstones are kept */
	ROW_REMOVED, /* its tenant was removed later than that */
};

struct tenant;

struct row {
	const struct table *table;
	struct tenant *tenant; /* the batch's, set by batch_add() */
	struct text snapshot;  /* absent in a stream */
	int64_t as_of;         /* the time it tells about */
	int64_t version;       /* of one key the greatest stays */
	uint64_t number;       /* of its line in the input */
	const char *line;
	size_t len;
	enum row_fate fate;
	const char *reason;       /* of ROW_BAD */
	uint32_t cut;             /* bit i: the text of column i was cut */
	struct db_value values[]; /* one a column */
};

/* Reads the row, or the record that is one, that r holds, whose texts are in
 * line; everything that the row points to lies in line or in the arena. NULL
 * and *why if it is bad. */
struct row *row_read(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why) __attribute__((warn_unused_result));

/* What a message's data has as analytics besides, in *row as above, or NULL
 * there when it has none. -1 and *why if that is bad. */
int row_read_analytics(const struct record *r, const char *line, size_t len,
    struct arena *a, struct row **row, struct buf *why)
    __attribute__((warn_unused_result));

/* Parts of that. An empty row; one of each type of record; a column set from a
 * field (-1 and *why when it does not take it); and texts that are not in the
 * line are copied, since the reader overwrites them. */
struct row *row_new(const struct table *t, const struct record *r,
    const char *line, size_t len, struct arena *a);
struct row *row_read_message(const struct record *r, const char *line,
    size_t len, struct arena *a, struct buf *why);
struct row *row_read_about(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why);
struct row *row_read_view(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why);
struct row *row_read_event(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why);
struct row *row_read_assignment(const struct record *r, const char *line,
    size_t len, struct arena *a, struct buf *why);
int row_set(struct row *row, size_t k, const struct flat_field *f,
    struct buf *why) __attribute__((warn_unused_result));
void row_keep_texts(struct row *row, struct arena *a);

/* By key, bytes compared; of the same key the newest first, of one version the
 * one that wins in the table: by the table's ties, else the one that came
 * first. */
int row_compare(const struct row *a, const struct row *b);

/* By key only. */
int row_compare_key(const struct row *a, const struct row *b);

/* The key without the tenant, as refused_rows keeps it. */
void row_key(const struct row *row, struct buf *key);

/* How many bytes the first max characters have: a code point each, as the
 * database counts them. */
size_t row_text_bytes(const char *p, size_t len, int64_t max);

/* A JSON number as thousandths, rounded half away from zero; -1 when it does
 * not fit a DECIMAL(15,3). */
int row_seconds(const char *s, size_t len, int64_t *ms)
    __attribute__((warn_unused_result));

#endif
