/*
 * state: what a streaming aggregator must keep over a restart: keys and values,
 * bytes whose meaning is up to the caller, in named tables. They are stored in
 * four files of DIR, which only state*.c read, and which belong together; with
 * stream.lock, which is locked while they are open:
 *
 *   stream.mdb           an LMDB file
 *   stream.log           the commits since that file was last written
 *   stream.sums          a checksum of each page of stream.mdb
 *   stream.acknowledged  the last commit whose success was reported
 *
 * Guarantee: state_commit() makes all changes since the last one durable, or
 * none. The process may be killed, and the power go, at any time. One process
 * at a time.
 *
 * And: if any byte of these files is changed, zeroed, cut off, exchanged or put
 * back from an earlier time while nobody has them open, state_open() refuses
 * them, unless the change has no effect. A commit that was torn before its
 * success was reported is dropped.
 *
 * Reading sees what was changed and not committed yet. Opening reads the file
 * once from end to end and applies the log, half a minute or 128 MiB of it at
 * most; after that only state_each() over a whole table costs in proportion to
 * the size of the state.
 *
 * Errors are sticky: after one, reads find nothing and changes do nothing, so
 * it is enough to check state_commit(). Each value carries a checksum of key
 * and value, for damage after opening. LMDB itself trusts its file: if a page
 * that was damaged meanwhile makes it crash, a signal handler says so in one
 * line and ends the process with PROG_DATA.
 *
 * RocksDB 7.8 instead of all this, with one synced batch a commit, was tried in
 * full and measured, in turns on two cores. It is half the code, but two to
 * eight times the CPU: 2,000 flushes of 100 changed chats took it 1.5 to 2.3 s
 * instead of 0.3 to 0.4 and 0.9 ms a commit instead of 0.1 to 0.3 (its log
 * grows with each, so each sync writes the file's size too), a million new
 * entries 1.3 to 2.3 s instead of 0.55, 200,000 reads 1.6 s instead of 0.2, a
 * restart with 100,000 idle chats 0.7 s instead of 0.2; the whole pipeline
 * 2.2 s of CPU for 400,000 messages instead of 1.9. And its checksums do not
 * detect a log or a manifest that was put back, or has a zeroed record: a file
 * like stream.acknowledged would be needed all the same. The checksums here
 * cost some 5 percent of the state's part of the CPU, and 0.03 s a restart for
 * 150 MiB.
 *
 * One thread uses it; another one, its own, waits for the disk.
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

/* There is one in the folder, or a part of one. */
bool state_is_there(const char *dir);

/* Opens a state; makes the folder and the files if they are missing. limit is
 * the size in bytes above which the file is full. Returns NULL, the code and
 * *why: PROG_TEMPFAIL: another process has it open; PROG_CONFIG: it was made
 * for other settings; PROG_DATA: it is damaged or of an unknown version;
 * PROG_CANTCREATE: a system call failed. */
struct state *state_open(const char *dir, const struct state_identity *id,
    size_t limit, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Gets one entry of a state that is written anew, and passes to state_put(),
 * with `to`, the table of the same name, what the new state has of it. */
typedef void state_copy_fn(void *ctx, struct state_table *to, const char *name,
    const void *key, size_t key_len, const void *data, size_t len);

/* Writes a state anew, table by table in the order of their names: of what
 * copy() does not pass on no byte is left in the files, where a deleted entry's
 * stay until LMDB uses its page again. Killed at any time, there is the old
 * state or the new one. The same codes; PROG_OK when there is no state. */
enum exit_code state_rewrite(const char *dir, const struct state_identity *id,
    size_t limit, state_copy_fn *copy, void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* Does not commit. Writes what was committed into the file, unless there are
 * changes that were not, or an error: then the next state_open() does. NULL is
 * allowed. */
void state_close(struct state *s);

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
/* The same, faster, for a key above all others in the table. */
void state_append(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
void state_delete(struct state_table *t, const void *key, size_t key_len);

/* Deletes at most max entries whose key begins with the prefix, in order, and
 * returns how many it deleted: so much can be deleted in small steps. The table
 * is one of STATE_BYTES; a prefix of length 0 matches all. */
size_t state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);

/* Deletes all entries. */
void state_empty(struct state_table *t);

/* Receives one entry, borrowed for the time of the call. Must not change the
 * table. False ends state_each(). */
typedef bool state_entry_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);

/* Calls back for each entry whose key begins with the prefix, in the order of
 * keys. A prefix of length 0 matches all. */
void state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx);

/* How many entries there are. */
size_t state_count(struct state_table *t);

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

/* The same in steps: what is changed behind state_commit_begin() is part of the
 * next commit. state_is_committed(): the one that was begun, if any, has come
 * to its end, which state_commit_end() tells. */
void state_commit_begin(struct state *s);
bool state_is_committed(struct state *s, bool wait);
enum exit_code state_commit_end(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Call this while no input comes: a second after the last commit it writes what
 * was committed into the file. An error is returned by the next
 * state_commit(). */
void state_idle(struct state *s);

/* True after an error, which the next state_commit() returns. */
bool state_failed(const struct state *s);

/* Sets the error "damaged", for a caller that finds entries inconsistent. */
void state_set_damaged(struct state *s);

#endif
