/*
 * quota: whether a tenant's CRM may be asked now: the calls that are paid for,
 * and a wish of the CRM to be left alone, both kept in the state.
 */
#ifndef POLLER_QUOTA_QUOTA_H
#define POLLER_QUOTA_QUOTA_H

#include "common/base/prog.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stdint.h>

/* PROG_OK, and *f may make as many calls as are left this month; or the code
 * of a refusal, which was logged. Warns once a day from 80 % on. */
enum exit_code quota_check(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms);

/* Keeps the wish that was heard by *f, if there was one. */
void quota_keep_hold(struct store *s, const struct fetch *f, int64_t now_ms);

#endif
