/*
 * state: what a streaming aggregator must keep over a restart: keys and values,
 * bytes whose meaning is up to the caller, in named tables. They are one LMDB
 * file, DIR/stream.mdb, which only state*.c read; DIR/stream.lock is locked
 * while it is open, by one process at a time.
 *
 * Guarantee: state_commit() makes all changes since the last one durable, or
 * none. The process may be killed, and the power go, at any time:
 *
 *   crash during        the next state_open() finds
 *   ------------------  ---------------------------------------------------
 *   making the file     no file, or one with nothing but its identity: it is
 *                       made under another name, synced, and renamed
 *   changes             the commit before: LMDB never writes a page that the
 *                       last commit uses
 *   state_commit(),     the commit before: the new pages are written and
 *     before its root   synced, and nothing refers to them
 *   state_commit(),     this commit, or the one before: the root is written
 *     its root          in place of the last but one, and synced
 *   later               this commit
 *   state_rewrite()     the old file, or the new one, which is renamed to its
 *                       name when it is whole and synced
 *
 * The caller has committed when state_commit() returns, and not before: what
 * led to a commit that may have been lost must come again, and what led to one
 * that may be there must not count twice (aggregator/stream/stream.h). When it
 * fails, as on a full disk, the same holds, and the state is unusable.
 *
 * Damage: each value is stored behind the checksum of its table, its key and
 * itself. The sum of all these checksums is stored with each commit, so it is
 * that of exactly the entries that the commit has. state_open() reads all
 * entries, compares, checks that each can be found, and refuses the file
 * otherwise: a live entry that was changed, lost, doubled or exchanged while
 * nobody had the file open is found, but for one accident in 2^64. A read finds
 * a value that was damaged later. A file that was cut short under the map ends
 * the process with PROG_DATA and a line that says so, through a signal handler.
 *
 * An older copy of the file is a valid state, and not recognized. If LMDB's
 * newest root is damaged, the last commit but one is found, which is the same.
 *
 * Errors are sticky: after one, reads find nothing and changes do nothing, so
 * it is enough to check state_commit().
 *
 * LMDB writes whole pages, so what changes together must lie together: a commit
 * of 200 chats under neighbouring keys takes 1.3 ms with its two syncs, one of
 * 200 scattered among a million 3 ms.
 */
#ifndef AGGREGATOR_STATE_STATE_H
#define AGGREGATOR_STATE_STATE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The maximum number of tables in a state. */
#define STATE_TABLES 96

struct state;
struct state_table;

enum state_keys {
	STATE_BYTES, /* 511 at most, in the order of memcmp(), a prefix first */
	STATE_NUMBERS, /* a uint64_t as it lies in memory */
};

/* What a state was made for. A state of other settings is refused, because its
 * metrics would mean something else. */
struct state_identity {
	const char *definition;
	int64_t window_ms;
	const char *part; /* which shard, "": the only one; NULL: any */
	int64_t span_ms;  /* of identities, see dedup.h; 0: it keeps none */
};

/* Opens a state; makes the folder and the file if they are missing. dir NULL:
 * one of this run alone, in TMPDIR, of which nothing is left. limit is the size
 * in bytes above which the file is full. Returns NULL, the code and *why:
 * PROG_TEMPFAIL: another process has it open; PROG_CONFIG: it was made for
 * other settings; PROG_DATA: it is damaged or of an unknown version;
 * PROG_CANTCREATE, PROG_IO: a system call failed. */
struct state *state_open(const char *dir, const struct state_identity *id,
    size_t limit, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Does not commit. NULL is allowed. */
void state_close(struct state *s);

/* Puts a new file in the place of that of a state that was committed, which is
 * only to be closed then: of what was deleted no byte is left, while in a file
 * it stays until LMDB uses its page again. The same codes. */
enum exit_code state_rewrite(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The table of that name, made if it is missing; owned by the state. The name
 * is copied. NULL only after an error. */
struct state_table *state_table(
    struct state *s, const char *name, enum state_keys keys);

/* The value of a key, borrowed until the next change, state_commit() or
 * state_close(); not aligned. False: there is none. */
bool state_get(struct state_table *t, const void *key, size_t key_len,
    const void **data, size_t *len);

/* Sets the value of a key; both are copied. A value may be of length 0. */
void state_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
void state_delete(struct state_table *t, const void *key, size_t key_len);

/* Deletes at most max entries whose key begins with the prefix, in order, and
 * returns how many it deleted: so much can be deleted in small steps. The table
 * is one of STATE_BYTES; a prefix of length 0 matches all. */
size_t state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);

/* Receives one entry, borrowed for the time of the call. Must not change the
 * table. False ends state_each(). */
typedef bool state_entry_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);

/* Calls back for each entry whose key begins with the prefix, in the order of
 * keys. A prefix of length 0 matches all. */
void state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx);

/* The largest key of a table of STATE_NUMBERS; false: it is empty. */
bool state_last_number(struct state_table *t, uint64_t *number);

/* Named numbers, stored beside the tables; def if there is none. */
int64_t state_number(struct state *s, const char *name, int64_t def);
void state_set_number(struct state *s, const char *name, int64_t n);

/* The version of the next state_commit(): above those of all commits before,
 * and not below the clock, in milliseconds, at the first call since the last
 * commit. */
int64_t state_version(struct state *s);

/* 128 random bits, drawn when the state was made. */
void state_seed(const struct state *s, uint64_t seed[2]);

/* The commit point of all changes since the last one. Does nothing without
 * changes. */
enum exit_code state_commit(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True after an error, which the next state_commit() returns. */
bool state_failed(const struct state *s);

/* Sets the error "damaged", for a caller that finds entries inconsistent. */
void state_set_damaged(struct state *s);

#endif
