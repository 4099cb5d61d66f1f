/*
 * tenant_metrics: how fresh and how busy each tenant is, as metrics of
 * Prometheus. They are about all tenants and name no person, so they are for
 * anyone who runs it, not for a viewer of the API.
 */
#ifndef SINK_SERVE_TENANT_METRICS_H
#define SINK_SERVE_TENANT_METRICS_H

#include "common/base/buf.h"
#include "common/db/db.h"

/* Appends them; db is connected if need be. A database that does not answer
 * gives messaging_database_up 0, and nothing of tenants. */
void tenant_metrics_write(struct buf *to, struct db *db);

#endif
