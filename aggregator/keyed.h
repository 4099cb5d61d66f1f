/*
 * keyed: from a key of bytes to a fixed-size payload, the one table behind all
 * flows. In memory, or as a write-back cache over a table of the state:
 * nothing is loaded when it is opened, entries are read when they are first
 * asked for, changes are written together by keyed_home_save(), and clean
 * entries that nobody used lately are dropped when memory is short. So what is
 * known may be far larger than memory, and a tick costs what it changed.
 *
 * Each table lists which of its entries changed since the last save, and which
 * of them are rows that must be told to the next program.
 *
 * calendar: what becomes due at a time: keys in the order of time, in memory
 * or in the state, where only what is due is ever read.
 *
 * A payload is written as it lies in memory: fill all of it, no pointers.
 */
#ifndef AGGREGATOR_KEYED_H
#define AGGREGATOR_KEYED_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct state_table;

/* The longest key: what the state takes, less what it is put behind. */
#define KEYED_MAX_KEY 490

/* Memory shared by the tables of all tenants. */
struct keyed_pool {
	size_t limit; /* in bytes; 0: none. Without a state it is not kept */
	size_t used;
};

/* Private. */
struct keyed_entry {
	uint64_t hash;
	uint16_t key_len;
	uint8_t flags, used;
	uint32_t size; /* of the block */
		       /* payload, then the key */
};

struct keyed_slot {
	uint64_t hash;
	struct keyed_entry *entry; /* NULL: free */
};

struct keyed_list {
	struct keyed_entry **v;
	size_t n, cap;
};

struct keyed {
	const char *name;
	struct keyed_home *home;
	struct state_table *store; /* NULL: all in memory */
	size_t payload;            /* rounded up */
	size_t payload_len;
	struct keyed_slot *slots;
	size_t mask, n;
	size_t hand;             /* of the eviction */
	struct keyed_list dirty; /* to be saved, deleted ones too */
	struct keyed_list told;  /* rows that changed, deleted ones not */
	struct arena arena;
	void **free; /* blocks given back, by size */
};

struct calendar_item {
	int64_t due;
	char *key;
	size_t len;
};

struct calendar {
	const char *name;
	struct keyed_home *home;
	struct state_table *store;
	struct calendar_item *heap; /* with a state: what is not saved yet */
	size_t n, cap;
	struct arena arena;
	struct buf key; /* the one handed out last */
};

#define KEYED_TABLES 32

/* One tenant's tables. */
struct keyed_home {
	struct state *state; /* NULL: all in memory */
	uint32_t tenant;     /* its number in the state */
	uint64_t seed;       /* of hashes that are stored */
	int64_t window_ms;   /* older messages are refused; 0: none is */
	struct keyed_pool *pool;
	struct keyed *tables[KEYED_TABLES];
	struct calendar *calendars[KEYED_TABLES];
	size_t tables_n, calendars_n;
};

/* Opens a table and puts it into the home; the name is one of the state's
 * tables, borrowed, and the same whenever the state is opened. */
void keyed_open(
    struct keyed *k, struct keyed_home *home, const char *name, size_t payload);
void keyed_close(struct keyed *k);

/* The payload of a key, or NULL. Valid until keyed_home_sent(). */
void *keyed_find(struct keyed *k, const void *key, size_t len);

/* The same, made of zeros if it is missing. */
void *keyed_get(struct keyed *k, const void *key, size_t len, bool *made);

/* It will be saved; and it is a row to be told. Both may be said often. */
void keyed_change(struct keyed *k, void *payload);
void keyed_tell(struct keyed *k, void *payload);

/* Gone: it is found no more, and not told. */
void keyed_delete(struct keyed *k, void *payload);

/* The key of a payload, borrowed as long. */
struct text keyed_key(const struct keyed *k, const void *payload);

/* All entries in memory, or those to be told, sorted by compare, which gets
 * two pointers to payloads (void *const *). Owned array, *n of them. */
void **keyed_list(struct keyed *k, bool all,
    int (*compare)(const void *, const void *), size_t *n);

/* Forgets what is saved under keys whose first 8 bytes are a time (key_time())
 * before this one, a little at each call. */
void keyed_expire(struct keyed *k, int64_t before);

/* The hash of bytes, seeded by the home's seed: may be stored. */
uint64_t keyed_hash(const struct keyed_home *h, const void *p, size_t len);

/* Keys of several parts: a time first, so that they lie in its order; texts
 * each behind their length, so that none can be taken for two. */
struct key {
	size_t len;
	unsigned char bytes[KEYED_MAX_KEY];
};
void key_time(struct key *k, int64_t ms);
void key_byte(struct key *k, unsigned b);
void key_number(struct key *k, uint64_t n);
void key_text(struct key *k, struct text t); /* at most 191 bytes */

/* And back, moving *at. The caller knows what is there. */
int64_t key_read_time(struct text key, size_t *at);
unsigned key_read_byte(struct text key, size_t *at);
uint64_t key_read_number(struct text key, size_t *at);
struct text key_read_text(struct text key, size_t *at);

void calendar_open(
    struct calendar *c, struct keyed_home *home, const char *name);
void calendar_close(struct calendar *c);

/* The same twice counts twice by hand, once in a state. */
void calendar_add(struct calendar *c, int64_t due, const void *key, size_t len);

/* Takes the next one that is due at `now` or before, earliest first; its key
 * is borrowed until the next call. False: none. */
bool calendar_next(
    struct calendar *c, int64_t now, struct text *key, int64_t *due);

/* Puts what changed into the state; the caller commits. */
void keyed_home_save(struct keyed_home *h);

/* What was told was written: the lists are empty again, and memory above the
 * pool's limit is given back. */
void keyed_home_sent(struct keyed_home *h);

#endif
