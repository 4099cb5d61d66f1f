/*
 * keyed_state: from a key of bytes to a fixed-size payload, the one table
 * behind all flows. In memory, or as a write-back cache over a table of the
 * state: nothing is loaded when it is opened, entries are read when they are
 * first asked for, changes are written together by keyed_state_home_save(), and
 * clean entries that nobody used lately are dropped when memory is short. So
 * what is known may be far larger than memory, and a tick costs what it
 * changed.
 *
 * Each table lists which of its entries changed since the last save, and which
 * of them are rows that must be told to the next program.
 *
 * A payload is written as it lies in memory: no pointers in it.
 */
#ifndef AGGREGATOR_STATE_KEYED_STATE_H
#define AGGREGATOR_STATE_KEYED_STATE_H

#include "common/base/buf.h"
#include "common/containers/arena.h"

#include "aggregator/containers/key.h"
#include "aggregator/state/timer_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct state_table;

/* Blocks of the pool are given back by size, in steps of 16 bytes. */
#define KEYED_STATE_MAX_BLOCK 1024

/* The memory of the entries of all tenants. Set limit alone. */
struct keyed_state_pool {
	size_t limit; /* in bytes; 0: none. Kept only where there is a state */
	size_t used;
	struct arena arena;
	void *freed[KEYED_STATE_MAX_BLOCK / 16 + 1];
};

/* Zeroed, aligned for anything; at most KEYED_STATE_MAX_BLOCK. */
void *keyed_state_pool_take(struct keyed_state_pool *p, size_t size);
void keyed_state_pool_give(
    struct keyed_state_pool *p, void *block, size_t size);
/* After all tables are closed. */
void keyed_state_pool_release(struct keyed_state_pool *p);

/* Private. */
struct keyed_state_entry {
	uint64_t hash;
	uint16_t key_len;
	uint8_t flags;
	uint8_t spare[5];
	/* the payload; the key stands before */
};

struct keyed_state_slot {
	uint64_t hash;
	struct keyed_state_entry *entry; /* NULL: free */
};

struct keyed_state_list {
	struct keyed_state_entry **v;
	size_t n, cap;
};

struct keyed_state {
	const char *name;
	struct keyed_state_home *home;
	struct state_table *store; /* NULL: all in memory */
	size_t payload;            /* bytes */
	struct keyed_state_slot *slots;
	size_t mask, n;
	size_t hand;     /* of the eviction */
	size_t saved;    /* entries at the last save */
	int64_t expired; /* nothing is saved under a time before */
	struct keyed_state_list dirty;   /* to be saved */
	struct keyed_state_list pending; /* rows that changed */
};

#define KEYED_STATE_TABLES 32

/* One tenant's tables. */
struct keyed_state_home {
	struct state *state; /* NULL: all in memory */
	uint32_t tenant;     /* its number in the state */
	uint64_t seed;       /* of hashes that are stored */
	int64_t window_ms;   /* older messages are refused; 0: none is */
	int64_t newest;      /* the tenant's time when last settled */
	struct keyed_state_pool *pool;
	struct keyed_state *tables[KEYED_STATE_TABLES];
	struct timer_queue *timer_queues[KEYED_STATE_TABLES];
	size_t tables_n, timer_queues_n;
};

/* Opens a table and puts it into the home; the name is one of the state's
 * tables, borrowed, and the same whenever the state is opened. */
void keyed_state_open(struct keyed_state *k, struct keyed_state_home *home,
    const char *name, size_t payload);
void keyed_state_close(struct keyed_state *k);

/* Asks the memory for what a look-up of the key will need: its slot, or (near)
 * the entry that the slot names. Changes nothing. */
void keyed_state_prepare(
    const struct keyed_state *k, const void *key, size_t len, bool near);

/* The payload of a key, or NULL. Valid until keyed_state_home_sent(). */
void *keyed_state_find(struct keyed_state *k, const void *key, size_t len);

/* The same, made of zeros if it is missing; then *made, unless NULL. */
void *keyed_state_get(
    struct keyed_state *k, const void *key, size_t len, bool *made);

/* It will be saved; keyed_state_emit: and it is a row to be told. */
void keyed_state_change(struct keyed_state *k, void *payload);
void keyed_state_emit(struct keyed_state *k, void *payload);

/* It is a row to be told. */
bool keyed_state_is_pending(const void *payload);

/* Gone: it is found no more, and not told. */
void keyed_state_delete(struct keyed_state *k, void *payload);

/* The same for all that is saved under keys that begin with these bytes. */
void keyed_state_delete_prefix(
    struct keyed_state *k, const void *prefix, size_t len);

/* The key of a payload, borrowed as long. */
struct text keyed_state_key(const void *payload);

/* Payloads of all entries in memory, or of those to be told, in the order of
 * their keys' bytes. Owned array, *n of them. */
void **keyed_state_list(struct keyed_state *k, bool all, size_t *n);

/* Forgets what is saved under keys that begin with a time before this one, a
 * little at each call. */
void keyed_state_expire(struct keyed_state *k, int64_t before);

/* The begin of this tenant's keys in the state. */
void keyed_state_home_prefix(const struct keyed_state_home *h, struct key *k);
void keyed_state_home_add_timers(
    struct keyed_state_home *h, struct timer_queue *c);

/* Puts what changed into the state; the caller commits. */
void keyed_state_home_save(struct keyed_state_home *h);

/* What was told was written: the lists are empty again, and memory above the
 * pool's limit is given back. */
void keyed_state_home_sent(struct keyed_state_home *h);

#endif
