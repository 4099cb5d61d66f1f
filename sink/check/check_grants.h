/*
 * check_grants: reports whether our user of the database has too few rights or
 * too many.
 */
#ifndef SINK_CHECK_CHECK_GRANTS_H
#define SINK_CHECK_CHECK_GRANTS_H

#include "sink/check/check_report.h"

/* Reports rights that storing rows needs and our user lacks. */
enum outcome check_needed_grants(struct check_report *r)
    __attribute__((warn_unused_result));

/* Reports rights that no daemon should have. */
enum outcome check_wide_grants(struct check_report *r)
    __attribute__((warn_unused_result));

#endif
