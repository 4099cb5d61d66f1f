/*
 * interner: keeps each identifier and word of a tenant once and gives it a
 * number; two texts are equal if their numbers are. Names are reference
 * counted: a name without references is removed, and its number is reused.
 *
 * Number 0 is the absent text.
 */
#ifndef AGGREGATOR_CONTAINERS_INTERNER_H
#define AGGREGATOR_CONTAINERS_INTERNER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct operator_info;

#define NAME_SHORT 39

/* One cache line. */
struct name {
	union {
		char bytes[NAME_SHORT + 1]; /* both end with NUL */
		char *far;                  /* when len > NAME_SHORT */
	} u;
	uint32_t len;
	uint32_t held; /* references; 0: free */
	uint32_t hash;
	union {
		uint32_t next_free; /* of a free name */
		struct {            /* its numbers in the lexicon; 0: none */
			uint16_t channel;
			uint8_t kind;
		} number;
	} as;
	struct operator_info *operator_info; /* the model's; may be NULL */
};

/* Small, because each tenant has an interner. */
#define INTERNER_CHUNK 32

/* Private. */
struct interner {
	struct name **chunks;
	size_t chunks_n, chunks_cap;
	uint32_t n;          /* numbers in use or free, including 0 */
	uint32_t first_free; /* head of the free list; 0: none */
	uint32_t live;
	uint64_t *slots; /* hash << 32 | number; 0: free */
	size_t mask;
	uint64_t seed;
};

void interner_init(struct interner *n);
void interner_release(struct interner *n);

/* Returns the number of the text, with a reference for the caller; 0 if the
 * text is absent. */
uint32_t interner_get(struct interner *n, struct text t);

/* The same, but tries the name `guess` first unless it is 0. */
uint32_t interner_get_near(struct interner *n, struct text t, uint32_t guess);

/* Returns the hash of a text, which must not be absent. */
uint32_t interner_hash(const struct interner *n, struct text t);

/* Add and drop a reference; do nothing for 0. */
void interner_hold(struct interner *n, uint32_t i);
void interner_drop(struct interner *n, uint32_t i);

/* Returns the name with that number, which must not be 0. */
static inline struct name *
interner_at(const struct interner *n, uint32_t i)
{
	return &n->chunks[i / INTERNER_CHUNK][i % INTERNER_CHUNK];
}

/* Ends with NUL. */
static inline const char *
name_str(const struct name *name)
{
	return name->len > NAME_SHORT ? name->u.far : name->u.bytes;
}

/* Returns the text, absent for 0; valid as long as the name has a reference. */
struct text interner_text(const struct interner *n, uint32_t i);

/* Compares names byte by byte; 0 and "" are equal and come first. */
int interner_compare_bytes(const struct interner *n, uint32_t a, uint32_t b);

#endif
