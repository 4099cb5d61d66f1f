/*
 * fault: what a tenant's trouble means for the exit code and for a person.
 */
#ifndef POLLER_FAULT_H
#define POLLER_FAULT_H

#include "common/buf.h"
#include "common/prog.h"
#include "poller/profile.h"
#include "poller/tenant.h"

enum exit_code fault_code(enum fault f);

/* What may be done about it: the end of a message's sentence. */
void fault_way_out(const struct tenant *t, enum fault f, struct buf *out);

/* Logs "tenant NAME: cannot read WHAT: MESSAGE; WAY OUT". */
void fault_log(const struct tenant *t, enum fault f, const char *what,
    const char *message);

#endif
