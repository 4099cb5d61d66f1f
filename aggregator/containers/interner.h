/*
 * interner: every identifier and word of a tenant is kept once and known by a
 * number; two are the same when their numbers are. Names are counted: what
 * nobody holds any more is gone, and its number given to another.
 *
 * Number 0 is the absent text. And the order of identifiers that
 * messaging-metrics(7) asks for, here because everything that is sorted by id
 * uses it.
 */
#ifndef AGGREGATOR_CONTAINERS_INTERNER_H
#define AGGREGATOR_CONTAINERS_INTERNER_H

#include "common/records/record.h"

struct operator_info;

#define NAME_SHORT 39

/* One cache line. */
struct name {
	union {
		char bytes[NAME_SHORT + 1]; /* both NUL-ended */
		char *far;                  /* when len > NAME_SHORT */
	} u;
	uint32_t len;
	uint32_t held; /* by how many; 0: free */
	uint32_t hash;
	uint32_t next_free;
	struct operator_info *operator_info; /* once there is one */
};

#define INTERNER_CHUNK 1024

/* Private. */
struct interner {
	struct name **chunks;
	size_t chunks_n, chunks_cap;
	uint32_t n;          /* numbers given, 0 included */
	uint32_t first_free; /* of those that were given back; 0: none */
	uint32_t live;
	uint64_t *slots; /* hash << 32 | number; 0: free */
	size_t mask;
	uint64_t seed;
};

void interner_init(struct interner *n);
void interner_release(struct interner *n);

/* The number of the text, held once more by the caller; 0 for absent text. */
uint32_t interner_get(struct interner *n, struct text t);

/* The same, with a guess which one it is, not held; 0 for none. */
uint32_t interner_get_near(struct interner *n, struct text t, uint32_t guess);

/* The number, not held; 0 also when nobody holds it. */
uint32_t interner_find(const struct interner *n, struct text t);

/* Once more, once less; nothing for 0. */
void interner_hold(struct interner *n, uint32_t i);
void interner_drop(struct interner *n, uint32_t i);

/* The name of that number, which is not 0. */
static inline struct name *
interner_at(const struct interner *n, uint32_t i)
{
	return &n->chunks[i / INTERNER_CHUNK][i % INTERNER_CHUNK];
}

/* NUL-ended. */
static inline const char *
name_str(const struct name *name)
{
	return name->len > NAME_SHORT ? name->u.far : name->u.bytes;
}

/* Absent for 0; valid while it is held. */
struct text interner_text(const struct interner *n, uint32_t i);

/* Orders ids: those that match 0|[1-9][0-9]* come first, by value, whatever
 * their length; all others follow, by bytes. <0, 0, >0. */
int id_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/* Names by bytes alone; 0, "nobody", and "" are the same and come first. */
int interner_compare_bytes(const struct interner *n, uint32_t a, uint32_t b);

#endif
