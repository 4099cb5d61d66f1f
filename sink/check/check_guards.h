/*
 * check_guards: triggers and constraints that others put on our tables. They
 * may be wanted, so they are advice; but they can change a row, or refuse that
 * it is stored or deleted.
 */
#ifndef SINK_CHECK_CHECK_GUARDS_H
#define SINK_CHECK_CHECK_GUARDS_H

#include "sink/check/check_report.h"

enum outcome check_guards(struct check_report *r)
    __attribute__((warn_unused_result));

#endif
