/*
 * trouble: what can go wrong with an answer, each switched on by name for a
 * number of calls to a part of the API. One row in trouble_kinds.c each;
 * trouble_help() lists them.
 */
#ifndef TESTS_CRM_TROUBLE_H
#define TESTS_CRM_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/crm/call.h"

#define TROUBLE_MAX 16

struct trouble_kind;

struct trouble {
	const struct trouble_kind *kind;
	int64_t count;  /* calls left; -1: no end */
	int64_t after;  /* calls to let pass first */
	int64_t value;  /* its meaning is the kind's; INT64_MIN: its default */
	char route[64]; /* the path begins with that; "": any */
	char token[64]; /* this account only; "": any */
	char method[8]; /* "": any */
};

struct trouble_set {
	struct trouble trouble[TROUBLE_MAX];
	size_t n;
};

/* Adds one from the query of a control call; "none" removes all. -1 when
 * there is no such trouble or no room. */
int trouble_add(struct trouble_set *t, const struct call *c);

/* Before the route is run: may answer itself (true) or change the call. The
 * one that applies is returned in *on, for trouble_after(). now is the
 * world's clock. */
bool trouble_before(struct trouble_set *t, struct call *c, struct answer *a,
    int64_t now, const struct trouble_kind **on, int64_t *value);

/* After it: may spoil the answer. */
void trouble_after(
    const struct trouble_kind *on, int64_t value, struct answer *a);

/* One line a trouble. */
void trouble_help(struct buf *b);

#endif
