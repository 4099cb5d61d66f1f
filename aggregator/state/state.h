/*
 * state: what a streaming aggregator must not forget, in an LMDB file,
 * DIR/stream.mdb, and a log of what was committed since that was written last,
 * DIR/stream.log. Beside them stand a checksum of each page of the file,
 * stream.sums, and what was acknowledged, stream.told. All are seen in
 * state*.c only, and mean something together only. Keys and values are bytes in
 * named tables; what they mean is their users' business.
 *
 * Guarantee: state_commit() makes all changes since the last one durable, or
 * none. The process may be killed, and the power go, at any time. One process
 * at a time.
 *
 * And: whatever byte of these files is changed, zeroed, cut off, exchanged or
 * put back from an earlier time while nobody has them open, state_open()
 * refuses it, or it changes nothing. What was torn because it was not
 * acknowledged is dropped.
 *
 * Reading sees what was changed and not committed yet. When a state is opened
 * its file is read once from end to end, and what the log has is done again,
 * half a minute or 128 MiB of it at most; after that nothing costs in
 * proportion to what is in it, but state_each() over a whole table.
 *
 * Errors are sticky: after one reads find nothing and changes do nothing, so
 * look once, at state_commit(). Each value carries a checksum of key and value,
 * for what goes wrong later. LMDB itself trusts its file: should a page that is
 * damaged meanwhile make it crash, a signal handler says so in one line and
 * ends the process with PROG_DATA.
 *
 * RocksDB 7.8 instead of all this, with one synced batch a commit, was tried in
 * full and measured, in turns on two cores. It is half the code, but two to
 * eight times the CPU: 2,000 ticks of 100 changed chats took it 1.5 to 2.3 s
 * instead of 0.3 to 0.4 and 0.9 ms a commit instead of 0.1 to 0.3 (its log
 * grows with each, so each sync writes the file's size too), a million new
 * entries 1.3 to 2.3 s instead of 0.55, 200,000 reads 1.6 s instead of 0.2, a
 * restart with 100,000 idle chats 0.7 s instead of 0.2; the whole pipeline
 * 2.2 s of CPU for 400,000 messages instead of 1.9. And its checksums do not
 * tell a log or a manifest that was put back, or has a zeroed record: what was
 * acknowledged would have to be kept beside it just the same. The checksums
 * here cost some 5 percent of the state's part of the CPU, and 0.03 s a restart
 * for 150 MiB.
 *
 * One thread.
 */
#ifndef AGGREGATOR_STATE_STATE_H
#define AGGREGATOR_STATE_STATE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many tables one state may have. */
#define STATE_TABLES 96

struct state;
struct state_table;

enum state_keys {
	STATE_BYTES, /* 511 at most, in the order of memcmp(), a prefix first */
	STATE_NUMBERS, /* of 8 bytes, a uint64_t as it is in memory */
};

/* What a state was made for: one of other settings is refused, because its
 * metrics would mean something else. */
struct state_identity {
	const char *definition;
	int64_t window_ms;
	const char *
	    part; /* which of several, "" the only one; NULL: whichever it is */
	int64_t span_ms; /* of identities, see dedup.h; 0: it keeps none */
};

/* Makes the folder and the file if they are missing; limit is the size in
 * bytes above which the file is full. NULL, the code and *why: PROG_TEMPFAIL
 * another process has it, PROG_CONFIG it was made for other settings,
 * PROG_DATA it is damaged or of an unknown version, PROG_CANTCREATE. */
struct state *state_open(const char *dir, const struct state_identity *id,
    size_t limit, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Without committing. Brings what was committed into the file, unless there
 * are changes that were not, or an error: then the next state_open() does.
 * NULL is fine. */
void state_close(struct state *s);

/* The table of that name, made if it is missing; owned by the state. NULL
 * only after an error. At most STATE_TABLES; the name is copied. */
struct state_table *state_table(
    struct state *s, const char *name, enum state_keys keys);

/* The value, borrowed until the next change, state_commit() or
 * state_close(), at no special alignment. False: there is none. */
bool state_get(struct state_table *t, const void *key, size_t key_len,
    const void **data, size_t *len);

/* Copied. A value of length 0 is a value. */
void state_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
/* The same, faster, for a key above all others in the table. */
void state_append(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
void state_delete(struct state_table *t, const void *key, size_t key_len);

/* Deletes at most max entries whose key begins with the prefix (of a table of
 * STATE_BYTES; a prefix of length 0 is all), in order, and returns how many:
 * what is large can go a little with each tick. */
size_t state_delete_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);

/* Forgets all entries at once. */
void state_empty(struct state_table *t);

/* One entry, borrowed for the time of the call; false ends the walk. Must not
 * change the table. */
typedef bool state_entry_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);

/* Calls back for each entry whose key begins with the prefix, in the order of
 * keys; of length 0: for each. */
void state_each(struct state_table *t, const void *prefix, size_t len,
    state_entry_fn *entry, void *ctx);

/* How many entries there are. */
size_t state_count(struct state_table *t);

/* The largest key of a table of STATE_NUMBERS; false: it is empty. */
bool state_last_number(struct state_table *t, uint64_t *number);

/* Numbers by name, kept beside the tables; def if there is none. */
int64_t state_number(struct state *s, const char *name, int64_t def);
void state_set_number(struct state *s, const char *name, int64_t n);

/* The version of what is written now: that of the next state_commit(), above
 * those of all commits before it, and not below the clock's milliseconds when
 * it was first asked for. */
int64_t state_version(struct state *s);

/* 128 random bits, drawn when the state was made. */
void state_seed(const struct state *s, uint64_t seed[2]);

/* Commit point of everything since the last one. Without changes there is
 * nothing to do. */
enum exit_code state_commit(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Nothing comes for now: a good time to tidy up, if that has lasted a second.
 * An error is told by the next state_commit(). */
void state_idle(struct state *s);

/* An error has been met; state_commit() will say which. */
bool state_failed(const struct state *s);

/* For whoever finds that entries do not fit together. */
void state_set_damaged(struct state *s);

#endif
