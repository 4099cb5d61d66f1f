/*
 * trouble_kinds: the table of troubles, private to trouble.c and
 * trouble_kinds.c. A kind does one of three things.
 */
#ifndef TESTS_CRM_TROUBLE_KINDS_H
#define TESTS_CRM_TROUBLE_KINDS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/crm/call.h"

struct trouble_kind {
	const char *name, *help;
	int64_t value; /* its default */
	/* Answers instead of the route. */
	void (*instead)(struct answer *a, int64_t now, int64_t value);
	/* Changes the call. */
	void (*change)(struct call *c, int64_t value);
	/* Spoils the route's answer. */
	void (*spoil)(struct answer *a, int64_t value);
};

extern const struct trouble_kind trouble_kinds[];
extern const size_t trouble_kinds_n;

#endif
