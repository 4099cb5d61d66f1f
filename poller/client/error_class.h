/*
 * error_class: what a tenant's trouble means for the exit code and for a
 * person.
 */
#ifndef POLLER_CLIENT_ERROR_CLASS_H
#define POLLER_CLIENT_ERROR_CLASS_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/client/tenant.h"
#include "poller/profile/profile.h"

enum exit_code error_class_code(enum error_class f);

/* What may be done about it: the end of a message's sentence. */
void error_class_way_out(
    const struct tenant *t, enum error_class f, struct buf *out);

/* Logs "tenant NAME: cannot read WHAT: MESSAGE; WAY OUT". */
void error_class_log(const struct tenant *t, enum error_class f,
    const char *what, const char *message);

#endif
