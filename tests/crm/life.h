/*
 * life: simulates the events of a world over time: clients write in bursts,
 * operators answer, take, transfer, note and close, robots and autoreplies
 * write in between, surveys follow closings, closed dialogs return with a new
 * request, new clients arrive, operators take breaks, one is hired and one is
 * removed. Roughly as many dialogs open as close.
 */
#ifndef TESTS_CRM_LIFE_H
#define TESTS_CRM_LIFE_H

#include "tests/crm/world.h"

/* One event in a dialog at the time t. Milliseconds until its next one, or 0
 * when none is to come. */
int64_t life_step(struct world *w, int32_t dialog, int64_t t);

/* Runs the next event up to t, if there is one; else it is false, and sets the
 * clock to t. */
bool life_next(struct world *w, int64_t t);

/* Plans a dialog's next event. */
void life_plan(struct world *w, int32_t dialog, int64_t at);

/* The client writes, which opens a new request in a closed dialog. */
void life_client_writes(struct world *w, int32_t dialog, int64_t t);

/* The assignee answers, whoever takes it if there is none. */
void life_operator_answers(struct world *w, int32_t dialog, int64_t t);

#endif
