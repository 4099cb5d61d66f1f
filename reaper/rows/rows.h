/*
 * rows: rows in the database, as all modes see them: which tables' rows may be
 * deleted, as declared in common/tables/tables.def; deletion in small
 * transactions, so that sinks never wait long; rows as records; and the
 * tenant's row in the table `tenants`, whose lock keeps sinks from storing the
 * tenant's rows meanwhile.
 */
#ifndef REAPER_ROWS_ROWS_H
#define REAPER_ROWS_ROWS_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/records/forgotten.h"
#include "common/tables/tables.h"

#include <stdbool.h>
#include <stdint.h>

/* True if rows of the table are ever deleted. Rows of `tenants` are not: they
 * keep the time at which a tenant was removed. */
bool rows_end(const struct table *t);

/* True if closing a chat deletes its rows; all: [reaper] on_close = all. */
bool rows_end_on_close(const struct table *t, bool all);

/* A condition for rows of a table: SQL with a `?` for each value. */
struct row_condition {
	struct buf sql;
	struct db_value values[3];
	size_t n;
	/* Deletions exclude all other transactions from this tenant; NULL: they
	 * exclude none. */
	const char *alone;
};

/* Sets *found if the condition is true for a row. */
enum outcome row_find(struct db *db, const struct table *t,
    const struct row_condition *c, bool *found)
    __attribute__((warn_unused_result));

/* Deletes the rows for which the condition is true, or only counts them in a
 * dry run. Adds their number to *rows. LATER if the program was asked to stop
 * and rows may be left. */
enum outcome row_delete(struct db *db, const struct table *t,
    const struct row_condition *c, bool dry_run, uint64_t *rows)
    __attribute__((warn_unused_result));

/* Appends the rows for which the condition is true as row records; the
 * condition is SQL with quoted values. */
enum outcome row_export_append(struct db *db, const struct table *t,
    const char *condition, struct buf *lines)
    __attribute__((warn_unused_result));

struct tenant_row {
	bool known;      /* the database has the tenant */
	int64_t crm_now; /* the present time by the CRM's clock, estimated: no
			  * row stored now is newer. If that clock is ahead
			  * of ours, its snapshots are from our future. */
	char forget_key[FORGOTTEN_KEY + 1]; /* for digests in `forgotten`; "":
					     * none yet */
};

/* Call in a transaction, before anything else. */
enum outcome tenant_row_lock(struct db *db, const char *tenant)
    __attribute__((warn_unused_result));

enum outcome tenant_row_read(struct db *db, const char *tenant,
    struct tenant_row *row) __attribute__((warn_unused_result));

#endif
