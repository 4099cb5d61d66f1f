/*
 * batch: the rows, snapshot ends and refusals that one transaction stores, by
 * table and by tenant. It is filled line by line, sorted once with
 * batch_sort(), stored as often as retries need (sink/store/batch_store.h), and
 * then cleared.
 */
#ifndef SINK_ROWS_BATCH_H
#define SINK_ROWS_BATCH_H

#include "common/containers/arena.h"
#include "common/containers/strmap.h"
#include "common/records/forgotten.h"
#include "sink/rows/flush.h"
#include "sink/rows/row.h"

#include <stdbool.h>

/* Instead of a number of rows: the snapshot corrected a stream, and streams do
 * not count rows. */
#define END_OF_STREAM (-1)

/* The end marker of a snapshot of rows. */
struct end_marker {
	struct text snapshot; /* p NULL: none */
	int64_t as_of;        /* the begin marker's time */
	int64_t records;      /* rows between the markers, or END_OF_STREAM */
	const struct flush *flush; /* to which it belongs; NULL: none */
};

/* The tenant's row in the table tenants, read again in each attempt. */
struct tenant_stored {
	bool known;
	int64_t as_of, removed_at, newest_at;
	int64_t tombstone_at; /* the newest tombstone of its chats */
	char snapshot[RECORD_MAX_ID + 1];
	int64_t pending_as_of, pending_records;
	char pending[RECORD_MAX_ID + 1]; /* snapshot; "": none */
	int64_t forgets; /* 0: no customer was erased; see forgotten_rows.h */
	char forget_key[FORGOTTEN_KEY + 1];
};

/* The state of a snapshot after the transaction, for the log and for the
 * warnings at the end of the input. */
enum end_fate {
	END_NONE,
	END_STORED,     /* complete; what it lacks has been removed */
	END_INCOMPLETE, /* some of its rows are still missing */
	END_OVERTAKEN,  /* rows of the next snapshot are stored already */
	END_OLDER,      /* older than the stored one */
	END_AGAIN,      /* the stored one, redelivered */
};

struct batch_tenant {
	struct text name;
	struct end_marker end;
	struct flush *flush; /* at most one in a batch; NULL: none */

	/* Results of the current attempt. */
	int64_t oldest_chat; /* as_of of its oldest row that a tombstone can
			      * bar */
	int64_t newest_at;   /* stored if newer than stored.newest_at */
	struct tenant_stored stored;
	bool ends; /* this batch may complete the pending snapshot */
	enum end_fate fate;
	struct end_marker ended; /* the snapshot to which fate applies */
	int64_t arrived;         /* how many of its rows are accounted for */
	uint64_t swept, left;
};

/* A row of a snapshot that is stored in no table; the table refused_rows lists
 * its line, so that a row that is delivered again is counted once. */
struct refusal {
	struct batch_tenant *tenant;
	struct text snapshot;
	uint64_t line; /* a checksum */
	int64_t as_of;
};

struct row_list {
	struct sink_row **row;
	size_t n, cap;
};

struct row_batch {
	struct arena arena;
	struct row_list rows[TABLES];
	struct strmap tenants; /* name -> struct batch_tenant */
	struct refusal *refusals;
	size_t refusals_n, refusals_cap;
	bool closed;         /* counts as full */
	bool exclusive;      /* lock the tenants' rows exclusively from the
			      * start */
	size_t lines, bytes; /* of rows, including duplicates, and of
			      * refusals */
	int64_t since_ms;    /* when its first row arrived, monotonic */
};

/* A zeroed struct is empty. */
void batch_clear(struct row_batch *b);
void batch_release(struct row_batch *b);

bool batch_is_empty(const struct row_batch *b);

/* Returns the batch's tenant with that name, which is added if new; borrowed
 * until the batch is cleared. */
struct batch_tenant *batch_tenant(struct row_batch *b, struct text name);

/* Adds a row in the arena of this batch and copies its line and texts, so that
 * the reader can continue. */
void batch_add(struct row_batch *b, struct sink_row *row);

/* Adds the end of a snapshot; if a tenant has several, the newest counts. */
void batch_end(
    struct row_batch *b, struct text tenant, const struct end_marker *end);

/* Adds a bad row of a snapshot, whose name is copied. */
void batch_refuse(
    struct row_batch *b, const struct refusal *r, struct text tenant);

/* Sorts the rows of each table by key and keeps only the newest of each key.
 * Call once, before storing. */
void batch_sort(struct row_batch *b);

#endif
