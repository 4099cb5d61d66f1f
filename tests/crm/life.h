/*
 * life: simulates the events of a world over time: clients write in bursts;
 * operators answer, take, transfer, note and close; robots and automatic
 * replies write in between; surveys follow closings; closed dialogs return with
 * a new request; new clients arrive; operators take breaks, one is hired and
 * one is removed. About as many dialogs open as close.
 */
#ifndef TESTS_CRM_LIFE_H
#define TESTS_CRM_LIFE_H

#include "tests/crm/world.h"

/* Makes one event happen in a dialog at time t. Returns the milliseconds until
 * the dialog's next event, or 0 if it has no further one. */
int64_t life_step(struct world *w, int32_t dialog, int64_t t);

/* Runs the next event up to t. Returns false, and sets the clock to t, if there
 * is none. */
bool life_next(struct world *w, int64_t t);

/* Plans a dialog's next event. */
void life_plan(struct world *w, int32_t dialog, int64_t at);

/* The client writes; in a closed dialog this opens a new request. */
void life_client_writes(struct world *w, int32_t dialog, int64_t t);

/* The assignee answers. Without an assignee, some operator takes the dialog and
 * answers. */
void life_operator_answers(struct world *w, int32_t dialog, int64_t t);

#endif
