/*
 * state: the data that a streaming aggregator must keep over a restart: keys
 * and values in named tables. Both are bytes; the caller defines their meaning.
 * Keys have at most 511 bytes and are sorted as by memcmp(), prefixes first.
 * The tables are in one LMDB file, DIR/stream.mdb, which only state*.c read. A
 * process holds a lock on DIR/stream.lock while it has the file open.
 *
 * Guarantee: state_commit() makes all changes since the last commit durable, or
 * none. The process may be killed, or the power may fail, at any time:
 *
 *   crash during        the next state_open() finds
 *   ------------------  ---------------------------------------------------
 *   making the file     no file, or one with nothing but its identity: it is
 *                       made under another name, synced, and renamed
 *   changes             the previous commit: LMDB never writes a page that
 *                       the last commit uses
 *   state_commit(),     the previous commit: the new pages are written and
 *     before its root   synced, but nothing refers to them yet
 *   state_commit(),     this commit or the previous one: the root is written
 *     its root          over the second last root, and synced
 *   later               this commit
 *   state_rewrite()     the old file or the new one, which is renamed to its
 *                       name when it is complete and synced
 *
 * The changes are committed when state_commit() returns. Input whose commit may
 * have been lost must be delivered again, and must not be counted twice if the
 * commit was not lost (aggregator/stream/stream.h). The same applies if
 * state_commit() fails, for example on a full disk; the state can then no
 * longer be used.
 *
 * Damage: state_open() reads all entries and refuses a file that has been
 * damaged while no process had it open (common/os/lmdb_file.h). Damage after
 * that is detected when the value is read. If the file is truncated while it is
 * mapped, a signal handler ends the process with PROG_DATA and a line that says
 * so.
 *
 * An older copy of the file is a valid state and is not detected as old. If
 * LMDB's newest root is damaged, the previous commit is used, which has the
 * same effect.
 *
 * Errors are sticky: after one, reads find nothing and changes do nothing, so
 * it is enough to check state_commit().
 *
 * LMDB writes whole pages, so data that changes together should have
 * neighbouring keys: a commit of 200 chats with neighbouring keys takes 1.3 ms
 * including its two syncs; 200 chats scattered among a million take 3 ms.
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

/* The settings for which a state was created. A state with other settings is
 * refused, because its figures would have another meaning. */
struct state_identity {
	const char *definition;
	int64_t window_ms;
	const char *part; /* the shard; "": the only one; NULL: any */
	int64_t span_ms;  /* span of identities, see dedup.h; 0: no identities
			   * are kept */
};

/* Opens a state and creates the folder and the file if they are missing. With
 * dir NULL the state is temporary, in TMPDIR, and nothing of it remains. limit
 * is the maximum size of the file in bytes. On failure returns NULL and sets
 * *why and *code: PROG_TEMPFAIL: another process has it open; PROG_CONFIG: it
 * was created with other settings; PROG_DATA: it is damaged or has an unknown
 * version; PROG_CANTCREATE, PROG_IO: a system call failed. */
struct state *state_open(const char *dir, const struct state_identity *id,
    size_t limit, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Does not commit. NULL is allowed. */
void state_close(struct state *s);

/* Replaces the file of a state, which is committed and may then only be read,
 * by a new one. This leaves no byte of deleted data, which otherwise stay in
 * the file until LMDB reuses the page. The same codes. */
enum exit_code state_rewrite(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the table with that name, which is created if missing and owned by
 * the state. The name is copied. Returns NULL only after an error. */
struct state_table *state_table(struct state *s, const char *name);

/* Reads the value of a key, borrowed until the next change, state_commit() or
 * state_close(); it is not aligned. Returns false if the key is absent. */
bool state_get(struct state_table *t, const void *key, size_t key_len,
    const void **data, size_t *len);

/* Sets the value of a key; both are copied. The value may be empty. */
void state_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
void state_delete(struct state_table *t, const void *key, size_t key_len);

/* Deletes at most max entries whose keys begin with the prefix, in order, and
 * returns their number. This allows large deletions in small steps. An empty
 * prefix matches all keys. */
size_t state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);
/* The same, but only entries whose keys come before that key. */
size_t state_delete_before(struct state_table *t, const void *prefix,
    size_t len, const void *key, size_t key_len, size_t max);

/* Receives one entry, borrowed during the call. Must not change the table.
 * Returns false to end state_each(). */
typedef bool state_entry_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);

/* Calls back for each entry whose key begins with the prefix, in the order of
 * keys. An empty prefix matches all keys. */
void state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx);

/* Read and set named numbers, which are stored next to the tables. def is
 * returned for a missing one. */
int64_t state_number(struct state *s, const char *name, int64_t def);
void state_set_number(struct state *s, const char *name, int64_t n);

/* Returns the version of the next state_commit(). It is greater than the
 * versions of all previous commits, and not less than the clock in milliseconds
 * at the first call after the last commit. */
int64_t state_version(struct state *s);

/* Returns 128 random bits, drawn when the state was created. */
void state_seed(const struct state *s, uint64_t seed[2]);

/* Commits all changes since the last commit. Does nothing if there are none. */
enum exit_code state_commit(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The same without waiting: the commit runs in a thread. The first read or
 * change waits until it is done, so a caller that wants to go on meanwhile must
 * not use the state. */
void state_commit_begin(struct state *s);
bool state_commit_done(const struct state *s);
/* Waits for it. Returns its result, or the error of an earlier call. */
enum exit_code state_commit_finish(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True after an error, which the next state_commit() returns. */
bool state_failed(const struct state *s);

/* Sets the error "damaged", for a caller that finds entries inconsistent. */
void state_set_damaged(struct state *s);

#endif
