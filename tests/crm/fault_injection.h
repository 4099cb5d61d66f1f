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
	int64_t count;  /* calls left; -1: no limit */
	int64_t after;  /* calls to let pass first */
	int64_t value;  /* depends on the kind; INT64_MIN: the default */
	char route[64]; /* only paths with this prefix; "": any */
	char token[64]; /* this account only; "": any */
	char method[8]; /* "": any */
};

struct fault_set {
	struct fault fault[FAULT_MAX];
	size_t n;
};

/* Adds a fault from the query of a control call; "none" removes all. Returns -1
 * if there is no such kind or FAULT_MAX faults are set. */
int fault_add(struct fault_set *t, const struct call *c);

/* Call it before the route. It may answer the call itself (true) or change it.
 * Sets *on to the kind that applies, for fault_after(), and *value to its
 * value. now is the world's clock. */
bool fault_before(struct fault_set *t, struct call *c, struct answer *a,
    int64_t now, const struct fault_kind **on, int64_t *value);

/* Call it after the route. It may change the answer. */
void fault_after(const struct fault_kind *on, int64_t value, struct answer *a);

/* Appends a line for each kind. */
void fault_help(struct buf *b);

#endif
