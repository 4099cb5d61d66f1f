/*
 * fault_kinds: the table of faults, private to fault_injection.c and
 * fault_kinds.c. A kind does one of three things.
 */
#ifndef TESTS_CRM_FAULT_KINDS_H
#define TESTS_CRM_FAULT_KINDS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/crm/call.h"

struct fault_kind {
	const char *name, *help;
	int64_t value; /* its default */
	/* Answers instead of the route. */
	void (*instead)(struct answer *a, int64_t now, int64_t value);
	/* Changes the call. */
	void (*change)(struct call *c, int64_t value);
	/* Spoils the route's answer. */
	void (*spoil)(struct answer *a, int64_t value);
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kinds_n;

#endif
