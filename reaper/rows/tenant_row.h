/*
 * tenant_row: what the table `tenants` says about a tenant, and the lock that
 * keeps sinks from storing the tenant's rows meanwhile.
 */
#ifndef REAPER_ROWS_TENANT_ROW_H
#define REAPER_ROWS_TENANT_ROW_H

#include "common/db/db.h"
#include "common/digest/forgotten_id.h"

#include <stdbool.h>
#include <stdint.h>

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
