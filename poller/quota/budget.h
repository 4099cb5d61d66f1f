/*
 * budget: the calls that a tenant's CRM allows in a month ([TENANT] budget),
 * and the warning that most of them are used.
 */
#ifndef POLLER_QUOTA_BUDGET_H
#define POLLER_QUOTA_BUDGET_H

#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stdint.h>

/* The calls left this month, as far as they are committed; UINT64_MAX: there is
 * no budget. Warns once a day from 80 % on. */
uint64_t budget_left(const struct tenant *t, struct store *s, int64_t now_ms);

/* Logs that none is left. */
void budget_report(const struct tenant *t);

#endif
