/*
 * transitions: walks a table of states. In the header, because each test is
 * one file and an executable of its own.
 */
#ifndef TESTS_UNIT_TRANSITIONS_H
#define TESTS_UNIT_TRANSITIONS_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#define TRANSITIONS_MAX 32

struct transitions {
	unsigned states, events; /* a next of `states`: it cannot happen */
	unsigned start;
	unsigned last; /* nothing follows it, and it follows from all others */
	unsigned (*next)(unsigned state, unsigned event);
};

static inline void
transitions_visit(const struct transitions *t, unsigned s, bool *seen)
{
	unsigned e, to;

	if (seen[s])
		return;
	seen[s] = true;
	for (e = 0; e < t->events; e++) {
		to = t->next(s, e);
		assert_true(to <= t->states);
		if (to < t->states)
			transitions_visit(t, to, seen);
	}
}

/* From the start every state is reached, and from every state the last one;
 * nothing follows that; and each event happens somewhere. */
static inline void
transitions_walk(const struct transitions *t)
{
	bool seen[TRANSITIONS_MAX] = { false }, on[TRANSITIONS_MAX];
	unsigned s, e, n;

	assert_true(t->states <= TRANSITIONS_MAX);
	transitions_visit(t, t->start, seen);
	for (s = 0; s < t->states; s++) {
		assert_true(seen[s]);
		memset(on, 0, sizeof on);
		transitions_visit(t, s, on);
		assert_true(on[t->last]);
	}
	for (e = 0; e < t->events; e++) {
		n = 0;
		for (s = 0; s < t->states; s++)
			n += t->next(s, e) < t->states;
		assert_true(n > 0);
		assert_int_equal(t->next(t->last, e), t->states);
	}
}

#endif
