/*
 * store: one LMDB file with a few tables of keys and values, which are bytes
 * whose meaning belongs to the callers: the state that the poller keeps of one
 * tenant between polls, DIR/TENANT.mdb, and the listener's requests
 * (intake/request_store.h).
 *
 * Guarantee: store_commit() makes all changes since the last one durable, or
 * none. A process may be killed at any time. A lock beside the file allows one
 * poll of a tenant at a time; the self-check and --status may read and count
 * meanwhile.
 *
 * A file that is damaged, full or of another version gives one sentence that
 * says what to do. It can be removed: everything in it can be read from the CRM
 * again.
 *
 * All values are read and compared with their checksums when a poll opens the
 * file. Damage to LMDB's tree of pages may go unnoticed, or crash the program
 * (common/os/lmdb_guard.h). An entry that is missing or old makes no snapshot
 * wrong: a missing one is read from the CRM; a chat's entry is used only while
 * the list shows its mark, a customer's for a day, the operators for
 * operators_every. The count of calls may be too low. A file of another tenant
 * is emptied at its first use, see poll/pull.c.
 */
#ifndef POLLER_CRM_STORE_H
#define POLLER_CRM_STORE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_table {
	STORE_META,
	STORE_CHATS,
	STORE_CUSTOMERS,
	STORE_LINES, /* of requests, */
	STORE_KEYS,  /* and their keys */
	STORE_TABLES
};

enum store_access {
	STORE_EXCLUSIVE, /* for a poll; PROG_TEMPFAIL if another has it */
	STORE_SHARED,    /* for reading and counting beside a poll */
	STORE_COUNTING,  /* the same; damage shows only where it is read */
	STORE_READ_ONLY  /* likewise, and creates nothing; PROG_NOINPUT: no
			    state yet */
};

struct store;

/* How messages name a file, and what can be done about one that is damaged. */
struct store_kind {
	const char *name, *way_out;
};
extern const struct store_kind store_of_tenant, store_of_requests;

/* Opens the state of a tenant; creates folder and file if they are missing,
 * unless access is STORE_READ_ONLY. The folder must be writable even then, for
 * LMDB's lock file. NULL, the code and *why; errno is EWOULDBLOCK if another
 * poll has the lock. */
struct store *store_open(const char *dir, const char *tenant,
    enum store_access access, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* The same of any file DIR/NAME.mdb. */
struct store *store_open_kind(const struct store_kind *kind, const char *dir,
    const char *name, enum store_access access, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));
/* Makes the folder of a state, unless it is there. 0; or -1, the code and *why.
 */
int store_make_folder(const char *dir, enum exit_code *code, struct buf *why);

/* Closes without committing. s may be NULL. */
void store_close(struct store *s);

/* Gets a committed value, borrowed until the next store_commit(), store_each(),
 * or store_close(). False: there is none. */
bool store_get(struct store *s, enum store_table t, const char *key,
    const void **data, size_t *len);

/* Copies the change, which store_commit() writes. */
void store_put(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len);
void store_delete(struct store *s, enum store_table t, const char *key);

/* Deletes all entries of a table, and changes of it that are not committed. */
void store_empty(struct store *s, enum store_table t);

/* Calls entry() for each committed entry, in the order of keys; its arguments
 * are borrowed during the call. */
void store_each(struct store *s, enum store_table t,
    void (*entry)(void *ctx, const char *key, const void *data, size_t len),
    void *ctx);

/* Bytes of changes not committed yet. */
size_t store_pending(const struct store *s);

/* Commit point of what was put and deleted. */
enum exit_code store_commit(struct store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Forgets what was put and deleted since the last commit. */
void store_forget_changes(struct store *s);

/* True when LMDB cannot go on: the file must be opened again. */
bool store_is_lost(const struct store *s);

/* The message about a file that is damaged. */
const char *store_damage(const struct store *s);

/* Copies what is there to a new file and continues with that one: LMDB keeps
 * the bytes of removed entries in free pages. No other process may have it. On
 * failure the old file goes on, unless it is lost. */
enum exit_code store_compact(struct store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Numbers in STORE_META; def if there is none. */
int64_t store_number(struct store *s, const char *key, int64_t def);
void store_set_number(struct store *s, const char *key, int64_t n);

#endif
