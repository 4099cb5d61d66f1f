/*
 * choice: which figures a run computes, by the names of -a and [aggregator]
 * figures. A figure is one table or more; messages, views and eventlog have
 * none of their own making: those records are passed on as they came.
 */
#ifndef AGGREGATOR_CHOICE_H
#define AGGREGATOR_CHOICE_H

#include "common/buf.h"

#include "aggregator/figure.h"

struct choice {
	const struct figure *figures[FIGURES_MAX]; /* in the registry's order */
	size_t n;
	bool allocation;                /* it is among them */
	bool messages, views, eventlog; /* passed on */
};

/* From a NULL-ended list of names; "all" is all of them. 0, or -1 and *why. */
int choice_parse(struct choice *c, char *const *names, struct buf *why)
    __attribute__((warn_unused_result));

/* What a report for people, or one table alone, is made of, whatever was
 * chosen: adds those figures. */
void choice_add(struct choice *c, const char *table);

/* As one of several aggregators makes them: what cannot be told in parts is
 * left out, and what views make it of is added. */
void choice_set_part(struct choice *c);

/* True when rows of that table are wanted. */
bool choice_has(const struct choice *c, const char *table);

/* Records of that type are passed on. */
bool choice_passes(const struct choice *c, enum record_type type);

/* Some figure reads what was said. */
bool choice_needs_text(const struct choice *c);

#endif
