/*
 * interner: keeps each identifier and word of a tenant once and gives it a
 * number; two texts are the same when their numbers are. Names are reference
 * counted: a name that nobody holds is removed, and its number is reused.
 *
 * Number 0 is the absent text.
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
	uint32_t held; /* references; 0: free */
	uint32_t hash;
	uint32_t next_free;
	struct operator_info *operator_info; /* of the model; may be NULL */
};

#define INTERNER_CHUNK 1024

/* Private. */
struct interner {
	struct name **chunks;
	size_t chunks_n, chunks_cap;
	uint32_t n;          /* numbers in use or free, with 0 */
	uint32_t first_free; /* of the free list; 0: none */
	uint32_t live;
	uint64_t *slots; /* hash << 32 | number; 0: free */
	size_t mask;
	uint64_t seed;
};

void interner_init(struct interner *n);
void interner_release(struct interner *n);

/* The number of the text, with a reference for the caller; 0 for absent
 * text. */
uint32_t interner_get(struct interner *n, struct text t);

/* The same; tries the name `guess` first, 0 for none. */
uint32_t interner_get_near(struct interner *n, struct text t, uint32_t guess);

/* The hash of a text that is not absent. */
uint32_t interner_hash(const struct interner *n, struct text t);

/* The number, without a reference; 0 when it is not known. */
uint32_t interner_find(const struct interner *n, struct text t);

/* Add and drop a reference; nothing for 0. */
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

/* Absent for 0; valid while the name is held. */
struct text interner_text(const struct interner *n, uint32_t i);

/* Orders names by bytes; 0 and "" are equal and come first. */
int interner_compare_bytes(const struct interner *n, uint32_t a, uint32_t b);

#endif
