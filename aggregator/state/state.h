/*
 * state: the data that a streaming aggregator must keep over a restart, in the
 * LMDB file DIR/stream.mdb (common/lmdb/lmdb_file.h). A process holds a lock on
 * DIR/stream.lock while it has the file open.
 *
 * The changes are committed when state_commit() returns. Input whose commit may
 * have been lost must be delivered again, and must not be counted twice if the
 * commit was not lost (aggregator/stream/stream.h). The same applies if
 * state_commit() fails, for example on a full disk; the state can then no
 * longer be used.
 *
 * A new file is made under another name, committed, and renamed. So a program
 * that is killed leaves no file, or one with its identity.
 *
 * LMDB writes whole pages, so data that changes together should have
 * neighbouring keys: a commit of 200 chats with neighbouring keys takes 1.3 ms
 * including its two syncs; 200 chats scattered among a million take 3 ms.
 */
#ifndef AGGREGATOR_STATE_STATE_H
#define AGGREGATOR_STATE_STATE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/lmdb/lmdb_file.h"

/* Length of a tenant's number, with which all keys of its entries begin. */
#define STATE_TENANT_BYTES 4

struct state;

/* The settings for which a state was created. A state with other settings is
 * refused, because its figures would have another meaning. */
struct state_identity {
	const char *definition;
	int64_t window_ms;
};

/* Opens a state and creates the folder and the file if they are missing. All
 * entries are verified if that is due (lmdb_verify()). With dir NULL the state
 * is temporary, in TMPDIR, and nothing of it remains. limit is the maximum size
 * of the file in bytes. On failure returns NULL and sets *why and *code:
 * PROG_TEMPFAIL: another process has it open; PROG_CONFIG: it was created with
 * other settings; PROG_DATA: it is damaged or has an unknown version;
 * PROG_CANTCREATE, PROG_IO: a system call failed. */
struct state *state_open(const char *dir, const struct state_identity *id,
    size_t limit, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Does not commit. NULL is allowed. */
void state_close(struct state *s);

/* Replaces the file of a state, which is committed and may then only be read
 * and closed, by a new one, which leaves no byte of deleted data. Returns a
 * code as state_open() does. */
enum exit_code state_rewrite(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the table with that name, which is created if missing and owned by
 * the state. Returns NULL only after an error. */
struct lmdb_table *state_table(struct state *s, const char *name);

/* Read and set named numbers, which are stored next to the tables. def is
 * returned for a missing one. */
int64_t state_number(struct state *s, const char *name, int64_t def);
void state_set_number(struct state *s, const char *name, int64_t n);

/* Returns the version of the next state_commit(). It is greater than the
 * versions of all previous commits, and not less than the clock in milliseconds
 * at the first call after the last commit. */
int64_t state_version(struct state *s);

/* The next version will be greater than this one, which another state has. */
void state_raise_version(struct state *s, int64_t version);

/* Returns the format of this program's states. Static. */
const char *state_format(void);

/* Returns 128 random bits, drawn when the state was created. */
void state_seed(const struct state *s, uint64_t seed[2]);

/* Commits all changes since the last commit. Does nothing if there are none. */
enum exit_code state_commit(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The same in a thread; see lmdb_commit_begin(). */
void state_commit_begin(struct state *s);
bool state_commit_done(const struct state *s);
enum exit_code state_commit_finish(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True after an error, which the next state_commit() returns. */
bool state_failed(const struct state *s);

/* Sets the error "damaged", for a caller that finds entries inconsistent. */
void state_set_damaged(struct state *s);

#endif
