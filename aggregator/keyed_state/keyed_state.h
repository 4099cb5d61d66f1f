/*
 * keyed_state: a table that maps a key, any bytes, to a payload of fixed size.
 * All streaming metrics use it. A table is either in memory or a write-back
 * cache for a table in the state. Opening loads nothing, an entry is read on
 * its first lookup, keyed_state_home_save() writes all changes together, and if
 * memory is short, all saved entries are dropped. A table may therefore be much
 * larger than memory, and the cost of a flush depends only on the changes.
 *
 * A flush saves the changed entries, makes the rows of those that were emitted,
 * and then calls keyed_state_home_clear_changed().
 *
 * Payloads are stored byte by byte, so they must not contain pointers.
 *
 * A timer queue is kept beside the tables: keys with the time, in milliseconds,
 * at which they become due. With a state it is a table of the state, which each
 * call changes at once; the caller commits. Only due keys are read, so a queue
 * may have the keys of a whole day and costs nothing at start.
 */
#ifndef AGGREGATOR_KEYED_STATE_KEYED_STATE_H
#define AGGREGATOR_KEYED_STATE_KEYED_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

#include "aggregator/containers/key.h"

struct state;
struct lmdb_table;

/* The memory that the entries of all tenants occupy. */
struct keyed_state_cache {
	size_t limit; /* in bytes; 0: none. Only used if there is a state */
	size_t used;
};

/* Private. */
struct keyed_state_entry {
	uint64_t hash;
	uint16_t key_len;
	uint8_t flags;
	uint8_t spare[5];
	/* the payload follows; the key is before the head */
};

struct keyed_state_slot {
	uint64_t hash;
	struct keyed_state_entry *entry; /* NULL: free */
};

struct keyed_state {
	struct keyed_state_home *home;
	struct lmdb_table *store; /* NULL: everything is in memory */
	size_t payload;           /* size in bytes */
	struct keyed_state_slot *slots;
	size_t mask, n;
	int64_t keep;    /* see keyed_state_keep(); -1: for ever */
	int64_t expired; /* no saved key has a time before this */
	size_t fresh;    /* entries made since the last expiry */
	void **changed;  /* payloads */
	size_t changed_n, changed_cap;
};

/* Private. */
struct timer_queue_item {
	int64_t due;
	char *key;
	size_t len;
};

struct timer_queue {
	const struct keyed_state_home *home;
	struct lmdb_table *store;       /* NULL: everything is in memory */
	int64_t earliest;               /* no stored key is due before this */
	struct timer_queue_item *items; /* without a store */
	size_t n, cap, at;              /* at: the next one to look at */
	struct buf key; /* the key that timer_queue_next() returned last */
};

#define KEYED_STATE_TABLES 32

/* One tenant's tables. */
struct keyed_state_home {
	struct state *state; /* NULL: everything is in memory */
	uint32_t tenant;     /* its number in the state */
	uint64_t seed;       /* for hashes that are stored */
	int64_t window_ms;   /* older messages are refused; 0: no limit */
	/* The tenant's newest time (struct model: as_of): at the last
	 * recompute, and including the current record. */
	int64_t newest, now;
	struct keyed_state_cache *cache;
	struct keyed_state *tables[KEYED_STATE_TABLES];
	size_t tables_n;
	struct timer_queue *timer_queues[KEYED_STATE_TABLES];
	size_t timer_queues_n;
};

/* Opens a table and adds it to the home. The name is that of a table in the
 * state and must always be the same; NULL: the table is only in memory. */
void keyed_state_open(struct keyed_state *k, struct keyed_state_home *home,
    const char *name, size_t payload);

/* Saved entries are deleted when the time with which their keys begin is more
 * than that many ms older than the window. */
void keyed_state_keep(struct keyed_state *k, int64_t ms);

/* Returns the payload of a key, or NULL. Valid until
 * keyed_state_home_drop(). */
void *keyed_state_find(struct keyed_state *k, const void *key, size_t len);

/* The same, but creates a missing entry with a zeroed payload and then sets
 * *made, unless made is NULL. */
void *keyed_state_get(
    struct keyed_state *k, const void *key, size_t len, bool *made);

/* keyed_state_change lists a payload as changed, so that it is saved;
 * keyed_state_emit also marks it, so that its row is made. */
void keyed_state_change(struct keyed_state *k, void *payload);
void keyed_state_emit(struct keyed_state *k, void *payload);

/* Deletes the entry. If it was emitted, its last row is still made. */
void keyed_state_delete(struct keyed_state *k, void *payload);

/* Calls back for each saved entry whose key begins with these bytes; the callee
 * may delete it. The second function deletes them. */
void keyed_state_each_saved(struct keyed_state *k, const void *prefix,
    size_t len, void (*each)(void *ctx, struct keyed_state *k, void *payload),
    void *ctx);
void keyed_state_delete_prefix(
    struct keyed_state *k, const void *prefix, size_t len);

/* Returns the key of a payload; valid as long as the payload. */
struct text keyed_state_key(const void *payload);

/* Returns the payloads of all entries in memory, sorted by key, or of the
 * emitted ones, also if they are deleted: an array of *n, which the caller
 * frees. */
void **keyed_state_list(struct keyed_state *k, bool all, size_t *n);

/* Deletes entries as keyed_state_keep() says; a limited number per call, but
 * more than were made since the last one. */
void keyed_state_home_expire(struct keyed_state_home *h);

/* Writes all changes into the state; the caller commits. */
void keyed_state_home_save(struct keyed_state_home *h);

/* Call when the rows are made: no entry counts as changed after that. */
void keyed_state_home_clear_changed(struct keyed_state_home *h);

/* Drops entries from memory that have not changed since they were saved. For a
 * cache above its limit, after a flush. */
void keyed_state_home_drop(struct keyed_state_home *h);

/* Closes all tables and timer queues, without saving. */
void keyed_state_home_close(struct keyed_state_home *h);

/* Opens a timer queue and adds it to the home. The name is that of a table in
 * the state and must always be the same. */
void timer_queue_open(
    struct timer_queue *q, struct keyed_state_home *home, const char *name);

/* Adds a key, which is copied. A key that is added twice with the same time may
 * be returned once or twice. */
void timer_queue_add(
    struct timer_queue *q, int64_t due, const void *key, size_t len);

/* Removes and returns a key that is due at `now` or before, borrowed until the
 * next call. Returns false if no key is due; call it until it does. In a state,
 * the earliest comes first. */
bool timer_queue_next(
    struct timer_queue *q, int64_t now, struct text *key, int64_t *due);

#endif
