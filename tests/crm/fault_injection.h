/*
 * fault_injection: faults that the simulator puts into its answers. Each is
 * switched on by name for a number of calls to a part of the API. fault_kinds.c
 * has a row for each kind; fault_help() lists them.
 */
#ifndef TESTS_CRM_FAULT_INJECTION_H
#define TESTS_CRM_FAULT_INJECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/crm/call.h"

#define FAULT_MAX 16

struct fault_kind;

struct fault {
	const struct fault_kind *kind;
	int64_t count;  /* calls left; -1: no end */
	int64_t after;  /* calls to let pass first */
	int64_t value;  /* its meaning is the kind's; INT64_MIN: its default */
	char route[64]; /* the path begins with it; "": any */
	char token[64]; /* this account only; "": any */
	char method[8]; /* "": any */
};

struct fault_set {
	struct fault fault[FAULT_MAX];
	size_t n;
};

/* Adds a fault from the query of a control call; "none" removes all. -1 when
 * there is no such kind or FAULT_MAX are set. */
int fault_add(struct fault_set *t, const struct call *c);

/* Call before the route: may answer itself (true) or change the call. *on is
 * the kind that applies, for fault_after(), and *value its value. now is the
 * clock of the world. */
bool fault_before(struct fault_set *t, struct call *c, struct answer *a,
    int64_t now, const struct fault_kind **on, int64_t *value);

/* Call after the route: may change the answer. */
void fault_after(const struct fault_kind *on, int64_t value, struct answer *a);

/* Appends a line for each kind. */
void fault_help(struct buf *b);

#endif
