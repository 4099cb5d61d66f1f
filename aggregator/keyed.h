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
 * A payload is written as it lies in memory: no pointers in it.
 */
#ifndef AGGREGATOR_KEYED_H
#define AGGREGATOR_KEYED_H

#include "common/arena.h"
#include "common/buf.h"

#include "aggregator/calendar.h"
#include "aggregator/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct state_table;

/* Blocks of the pool are given back by size, in steps of 16 bytes. */
#define KEYED_MAX_BLOCK 1024

/* The memory of the entries of all tenants. Set limit alone. */
struct keyed_pool {
	size_t limit; /* in bytes; 0: none. Kept only where there is a state */
	size_t used;
	struct arena arena;
	void *given[KEYED_MAX_BLOCK / 16 + 1];
};

/* Zeroed, aligned for anything; at most KEYED_MAX_BLOCK. */
void *keyed_pool_take(struct keyed_pool *p, size_t size);
void keyed_pool_give(struct keyed_pool *p, void *block, size_t size);
/* After all tables are closed. */
void keyed_pool_release(struct keyed_pool *p);

/* Private. */
struct keyed_entry {
	uint64_t hash;
	uint16_t key_len;
	uint8_t flags;
	uint8_t spare[5];
	/* the payload; the key stands before */
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
	size_t payload;            /* bytes */
	struct keyed_slot *slots;
	size_t mask, n;
	size_t hand;             /* of the eviction */
	size_t saved;            /* entries at the last save */
	int64_t expired;         /* nothing is saved under a time before */
	struct keyed_list dirty; /* to be saved */
	struct keyed_list told;  /* rows that changed */
};

#define KEYED_TABLES 32

/* One tenant's tables. */
struct keyed_home {
	struct state *state; /* NULL: all in memory */
	uint32_t tenant;     /* its number in the state */
	uint64_t seed;       /* of hashes that are stored */
	int64_t window_ms;   /* older messages are refused; 0: none is */
	int64_t newest;      /* the tenant's time when last settled */
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

/* Asks the memory for what a look-up of the key will need: its slot, or (near)
 * the entry that the slot names. Changes nothing. */
void keyed_prepare(
    const struct keyed *k, const void *key, size_t len, bool near);

/* The payload of a key, or NULL. Valid until keyed_home_sent(). */
void *keyed_find(struct keyed *k, const void *key, size_t len);

/* The same, made of zeros if it is missing; then *made, unless NULL. */
void *keyed_get(struct keyed *k, const void *key, size_t len, bool *made);

/* It will be saved; keyed_tell: and it is a row to be told. */
void keyed_change(struct keyed *k, void *payload);
void keyed_tell(struct keyed *k, void *payload);

/* It is a row to be told. */
bool keyed_is_told(const void *payload);

/* Gone: it is found no more, and not told. */
void keyed_delete(struct keyed *k, void *payload);

/* The same for all that is saved under keys that begin with these bytes. */
void keyed_delete_prefix(struct keyed *k, const void *prefix, size_t len);

/* The key of a payload, borrowed as long. */
struct text keyed_key(const void *payload);

/* Payloads of all entries in memory, or of those to be told, in the order of
 * their keys' bytes. Owned array, *n of them. */
void **keyed_list(struct keyed *k, bool all, size_t *n);

/* Forgets what is saved under keys that begin with a time before this one, a
 * little at each call. */
void keyed_expire(struct keyed *k, int64_t before);

/* The begin of this tenant's keys in the state. */
void keyed_home_prefix(const struct keyed_home *h, struct key *k);
void keyed_home_add_calendar(struct keyed_home *h, struct calendar *c);

/* Puts what changed into the state; the caller commits. */
void keyed_home_save(struct keyed_home *h);

/* What was told was written: the lists are empty again, and memory above the
 * pool's limit is given back. */
void keyed_home_sent(struct keyed_home *h);

#endif
