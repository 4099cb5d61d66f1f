/*
 * names: every identifier and word of a snapshot is kept once; two are the
 * same when their pointers are. And the order of identifiers that METRICS
 * asks for, here because everything that is sorted by id uses it.
 */
#ifndef AGGREGATOR_NAMES_H
#define AGGREGATOR_NAMES_H

#include "common/arena.h"
#include "common/record.h"
#include "common/strmap.h"

struct operator_info;

struct name {
	const char *p; /* NUL-ended */
	size_t len;
	struct operator_info *operator_info; /* once there is one */
	/* When this user was last counted as a participant, by who it wrote
	 * as: a serial number, so that nothing is ever reset. */
	uint32_t seen[FROM_SYSTEM + 1];
};

struct names {
	struct strmap map;
	struct arena *arena;
};

void names_init(struct names *n, struct arena *arena);
void names_release(struct names *n);

/* The one struct of that text; NULL for absent text. Lives as long as the
 * arena. */
struct name *names_get(struct names *n, struct text t);

/* Text of a name, absent for NULL. */
struct text name_text(const struct name *n);

/* Orders ids: those that match 0|[1-9][0-9]* come first, by value, whatever
 * their length; all others follow, by bytes. <0, 0, >0. */
int id_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/* The same for names. NULL, "nobody", comes first. */
int name_compare(const struct name *a, const struct name *b);

/* By bytes alone; NULL and "" are the same and come first. */
int name_compare_bytes(const struct name *a, const struct name *b);

#endif
