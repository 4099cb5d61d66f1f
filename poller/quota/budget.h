/*
 * budget: the calls that a tenant's CRM allows in a month ([TENANT] budget),
 * and the warning that most of them are used.
 */
#ifndef POLLER_QUOTA_BUDGET_H
#define POLLER_QUOTA_BUDGET_H

#include "common/base/prog.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stdint.h>

/* PROG_OK, and *f is limited to the calls left this month; or an exit code,
 * after logging. Warns once a day from 80 % on. */
enum exit_code budget_check(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms);

#endif
