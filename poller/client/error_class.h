/*
 * error_class: the exit code and the advice that belong to each class of error
 * that a CRM may answer with (enum error_class in profile.h).
 */
#ifndef POLLER_CLIENT_ERROR_CLASS_H
#define POLLER_CLIENT_ERROR_CLASS_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/client/tenant.h"
#include "poller/profile/profile.h"

enum exit_code error_class_code(enum error_class f);

/* Sets *out to what a person can do about it, as the end of a sentence. */
void error_class_way_out(
    const struct tenant *t, enum error_class f, struct buf *out);

/* Logs "tenant NAME: cannot read WHAT: MESSAGE; WAY OUT". */
void error_class_log(const struct tenant *t, enum error_class f,
    const char *what, const char *message);

#endif
