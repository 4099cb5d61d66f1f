/*
 * key: builds keys of several parts for tables that are sorted by the bytes of
 * their keys. Times and numbers sort by value. A text is preceded by its
 * length, so that different lists of parts never have the same bytes.
 */
#ifndef AGGREGATOR_CONTAINERS_KEY_H
#define AGGREGATOR_CONTAINERS_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

/* The longest key that the state accepts, minus the prefix that tables add. */
#define KEY_MAX 490

struct key {
	size_t len;
	unsigned char bytes[KEY_MAX];
};

/* Each function adds a part; begin with len 0. A key that becomes too long ends
 * the process; two texts of RECORD_MAX_ID bytes fit. */
void key_time(struct key *k, int64_t ms);
void key_byte(struct key *k, unsigned b);
void key_number(struct key *k, uint64_t n);
void key_short(struct key *k, uint64_t n, size_t bytes); /* its lowest ones */
void key_text(struct key *k, struct text t);             /* at most 255 bytes */
/* Adds all parts of another key, or a text that ends the key. */
void key_append(struct key *k, struct text other);

/* Each function reads the part at *at and advances *at. The caller must know
 * the kinds of the parts. If the key is too short, the result is 0 or an empty
 * text. */
int64_t key_read_time(struct text key, size_t *at);
unsigned key_read_byte(struct text key, size_t *at);
uint64_t key_read_number(struct text key, size_t *at);
uint64_t key_read_short(struct text key, size_t *at, size_t bytes);
struct text key_read_text(struct text key, size_t *at);

#endif
