/*
 * keyed_state: a table from a key of bytes to a payload of fixed size; all
 * streaming metrics use it. It is held in memory, or is a write-back cache over
 * a table of the state: opening loads nothing, an entry is read when it is
 * first looked up, keyed_state_home_save() writes all changes together, and
 * when memory is short all saved entries are dropped. So a table may be far
 * larger than memory, and a flush costs in proportion to what changed.
 *
 * Each table lists which of its entries changed since the last save, and which
 * are pending: rows to write to the next program.
 *
 * A payload is stored as it lies in memory, so it must not hold pointers.
 */
#ifndef AGGREGATOR_KEYED_STATE_KEYED_STATE_H
#define AGGREGATOR_KEYED_STATE_KEYED_STATE_H

#include "common/base/buf.h"

#include "aggregator/containers/key.h"
#include "aggregator/keyed_state/timer_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct state_table;

/* The memory of the entries of all tenants. */
struct keyed_state_cache {
	size_t limit; /* in bytes; 0: none. Applies only where there is a
			 state */
	size_t used;
};

/* Private. */
struct keyed_state_entry {
	uint64_t hash;
	uint16_t key_len;
	uint8_t flags;
	uint8_t spare[5];
	/* the payload follows; the key stands before */
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
	int64_t expired;               /* no saved key has a time before this */
	struct keyed_state_list dirty; /* to save */
	struct keyed_state_list pending; /* rows to write */
};

#define KEYED_STATE_TABLES 32

/* One tenant's tables. */
struct keyed_state_home {
	struct state *state; /* NULL: all in memory */
	uint32_t tenant;     /* its number in the state */
	uint64_t seed;       /* of hashes that are stored */
	int64_t window_ms;   /* older messages are refused; 0: none are */
	int64_t newest;      /* the tenant's time at the last recompute */
	int64_t now;         /* the same, at the record that comes in */
	struct keyed_state_cache *cache;
	struct keyed_state *tables[KEYED_STATE_TABLES];
	struct timer_queue *timer_queues[KEYED_STATE_TABLES];
	size_t tables_n, timer_queues_n;
};

/* Opens a table and adds it to the home. The name is that of a table of the
 * state, the same whenever the state is opened; it is borrowed. */
void keyed_state_open(struct keyed_state *k, struct keyed_state_home *home,
    const char *name, size_t payload);
void keyed_state_close(struct keyed_state *k);

/* Prefetches into the CPU's cache what a look-up of the key will read: its
 * slot, or, if near, the entry that the slot points to. */
void keyed_state_prepare(
    const struct keyed_state *k, const void *key, size_t len, bool near);

/* The payload of a key, or NULL. Valid until keyed_state_home_drop(). */
void *keyed_state_find(struct keyed_state *k, const void *key, size_t len);

/* The same; a missing entry is made, of zeros, and *made set, unless NULL. */
void *keyed_state_get(
    struct keyed_state *k, const void *key, size_t len, bool *made);

/* Marks a payload as changed, so that it is saved; keyed_state_emit also as
 * pending, so that its row is written. */
void keyed_state_change(struct keyed_state *k, void *payload);
void keyed_state_emit(struct keyed_state *k, void *payload);

/* True if its row is to be written. */
bool keyed_state_is_pending(const void *payload);

/* Deletes the entry; its row is not written. */
void keyed_state_delete(struct keyed_state *k, void *payload);

/* Deletes all saved entries whose keys begin with these bytes. */
void keyed_state_delete_prefix(
    struct keyed_state *k, const void *prefix, size_t len);

/* The key of a payload, valid as long as that. */
struct text keyed_state_key(const void *payload);

/* The payloads of all entries in memory, or of the pending ones, in the order
 * of their keys' bytes: an array of *n, which the caller frees. */
void **keyed_state_list(struct keyed_state *k, bool all, size_t *n);

/* Deletes saved entries whose keys begin with a time before this one, a limited
 * number at each call. */
void keyed_state_expire(struct keyed_state *k, int64_t before);

/* Appends what this tenant's keys in the state begin with. */
void keyed_state_home_prefix(const struct keyed_state_home *h, struct key *k);

/* Writes what changed into the state; the caller commits. */
void keyed_state_home_save(struct keyed_state_home *h);

/* The pending rows were written: empties the lists of them. */
void keyed_state_home_sent(struct keyed_state_home *h);

/* Drops what is saved and not pending from memory, for a cache that is above
 * its limit; after a flush. */
void keyed_state_home_drop(struct keyed_state_home *h);

#endif
