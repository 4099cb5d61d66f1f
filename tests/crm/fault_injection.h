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

enum fault_time {
	FAULT_INSTEAD, /* answers instead of the route */
	FAULT_BEFORE,  /* changes the call */
	FAULT_AFTER,   /* spoils the route's answer */
};

struct fault_kind {
	const char *name, *help;
	int64_t value; /* its default */
	enum fault_time when;
	/* What it does; or, without a function, what the answer gets. */
	void (*act)(struct call *c, struct answer *a, int64_t value);
	const char *body; /* with the status 200 if it has a mode, else VALUE */
	const char *type;
	enum answer_mode mode;
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kinds_n;

struct fault {
	const struct fault_kind *kind;
	int64_t count;  /* calls left; -1: no limit */
	int64_t after;  /* calls to let pass first */
	int64_t value;  /* depends on the kind */
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

/* Counts the call, and returns the fault that it gets, or NULL. */
const struct fault *fault_for(struct fault_set *t, const struct call *c);

/* Applies the fault, which may be NULL, if it belongs to that time. Returns
 * true if it did. */
bool fault_apply(const struct fault *f, enum fault_time now, struct call *c,
    struct answer *a);

/* Appends a line for each kind. */
void fault_help(struct buf *b);

#endif
