/*
 * past: creates the initial world: operators, dialogs and weeks of messages.
 * The same options create the same world.
 */
#ifndef TESTS_CRM_PAST_H
#define TESTS_CRM_PAST_H

#include "tests/crm/world.h"

/* Fills a zeroed world; opt's strings must outlive it. */
void past_make(struct world *w, const struct world_options *opt);

#endif
