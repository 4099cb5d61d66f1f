/*
 * batch: what one transaction will store: rows by table, ends of snapshots
 * and refusals by tenant. Collected line by line, put in order once, stored
 * (batch_store.h) as often as it takes, cleared.
 */
#ifndef SINK_STORE_BATCH_H
#define SINK_STORE_BATCH_H

#include "common/containers/arena.h"
#include "common/containers/strmap.h"
#include "sink/store/row.h"

#include <stdbool.h>

/* The end marker of a snapshot of rows. */
struct end {
	struct text snapshot; /* p NULL: none */
	int64_t as_of;        /* the begin marker's time */
	int64_t records;      /* rows between the markers */
};

/* What the table tenants says, read anew in each try. */
struct tenant_stored {
	bool known;
	int64_t as_of, removed_at;
	char snapshot[RECORD_MAX_ID + 1];
	int64_t pending_as_of, pending_records;
	char pending[RECORD_MAX_ID + 1]; /* snapshot; "": none */
};

/* How a snapshot stands after the transaction: for the log, and for the
 * summary at the end of the input. */
enum end_fate {
	END_NONE,
	END_STORED,     /* it is whole: swept */
	END_INCOMPLETE, /* rows of it are missing, so far */
	END_OVERTAKEN,  /* rows of the next one are there already */
	END_OLDER,      /* an older one than the stored one */
	END_AGAIN,      /* the stored one, once more */
};

struct tenant {
	struct text name;
	struct end end;
	bool has_rows;
	size_t rank; /* its place among the batch's, by name */

	/* Of the try under way. */
	int64_t oldest_chat; /* as_of of the oldest row tombstones can refuse */
	struct tenant_stored stored;
	bool ends; /* this batch may complete the pending snapshot */
	enum end_fate fate;
	struct end ended; /* the snapshot fate is about */
	int64_t arrived;  /* rows of it that are accounted for */
	uint64_t swept, left;
};

/* A row of a snapshot that will be in no table; see refused_rows. */
struct refusal {
	struct tenant *tenant;
	struct text snapshot, table, key, chat;
	const char *reason;
	int64_t as_of;
};

struct rows {
	struct row **row;
	size_t n, cap;
};

struct batch {
	struct arena arena;
	struct rows rows[TABLES];
	struct strmap tenants; /* name -> struct tenant */
	struct refusal *refusals;
	size_t refusals_n, refusals_cap;
	bool exclusive; /* lock the tenants exclusively from the start */
};

/* A zeroed struct is empty. */
void batch_clear(struct batch *b);
void batch_release(struct batch *b);

bool batch_is_empty(const struct batch *b);

/* The batch's tenant of that name, made if need be; borrowed until cleared. */
struct tenant *batch_tenant(struct batch *b, struct text name);

/* Takes a row that lies in the batch's arena. */
void batch_add(struct batch *b, struct row *row);

/* Takes the end of a snapshot; of several of one tenant the newest counts. */
void batch_end(struct batch *b, struct text tenant, const struct end *end);

/* Notes that a row of a snapshot is bad. Texts are copied. */
void batch_refuse(struct batch *b, const struct refusal *r, struct text tenant);

/* Puts the rows of each table in the order of their keys and drops all but
 * the newest of each. Call once, before storing. */
void batch_sort(struct batch *b);

#endif
