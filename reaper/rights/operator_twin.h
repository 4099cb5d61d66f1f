/*
 * operator_twin: whether an operator or a bot has the same id as a customer, or
 * had it: of those who left, only what they did is kept.
 */
#ifndef REAPER_RIGHTS_OPERATOR_TWIN_H
#define REAPER_RIGHTS_OPERATOR_TWIN_H

#include "reaper/rights/subject.h"

/* Looks through all tables that tell, and sets s->is_operator. */
enum outcome operator_twin_find(struct subject *s)
    __attribute__((warn_unused_result));

#endif
