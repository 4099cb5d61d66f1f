/*
 * key: keys made of several parts, for tables that are kept in the order of
 * their bytes: times and numbers compare as they should, texts stand each
 * behind their length, so that no two lists of parts give the same bytes.
 */
#ifndef AGGREGATOR_CONTAINERS_KEY_H
#define AGGREGATOR_CONTAINERS_KEY_H

#include "common/records/record.h"

#include <stddef.h>
#include <stdint.h>

/* The longest: what the state takes, less what it is put behind. */
#define KEY_MAX 490

struct key {
	size_t len;
	unsigned char bytes[KEY_MAX];
};

/* Each adds a part; begin with len 0. What does not fit dies: two texts of
 * RECORD_MAX_ID do. */
void key_time(struct key *k, int64_t ms);
void key_byte(struct key *k, unsigned b);
void key_number(struct key *k, uint64_t n);
void key_text(struct key *k, struct text t); /* at most 255 bytes */

/* And back, moving *at. The caller knows which part is there; of a key that
 * is too short it gets 0 or an empty text. */
int64_t key_read_time(struct text key, size_t *at);
unsigned key_read_byte(struct text key, size_t *at);
uint64_t key_read_number(struct text key, size_t *at);
struct text key_read_text(struct text key, size_t *at);

#endif
