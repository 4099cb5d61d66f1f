/*
 * store: one LMDB file with a few tables of keys and values. Callers define
 * their meaning: the poller's state for a tenant between polls, DIR/TENANT.mdb,
 * and the listener's requests (intake/request_store.h).
 *
 * Guarantee: store_commit() makes all changes since the last one durable, or
 * none. A process may be killed at any time. A lock next to the file allows one
 * poll of a tenant at a time; the self-check and --status may read and count
 * meanwhile.
 *
 * If a file is damaged or of another version, the error is one sentence with
 * advice (common/lmdb/lmdb_file.h). The file can be removed while no process
 * has it open (lmdb_lock.h), because the CRM has all its data.
 *
 * When a poll or a listener opens the file, it verifies all of it if that is
 * due (lmdb_verify()). An older
 * copy of the whole file is valid: what it lacks is read from the CRM again,
 * and the count of calls may be too low. The file of another tenant is
 * emptied at its first use, see chats/pull.c.
 */
#ifndef POLLER_CRM_STORE_H
#define POLLER_CRM_STORE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/lmdb/lmdb_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_table {
	STORE_META,
	STORE_CHATS,
	STORE_LINES, /* requests of the listener, */
	STORE_KEYS,  /* and their keys */
	STORE_TABLES
};

enum store_access {
	STORE_EXCLUSIVE, /* for a poll or a listener, which verifies the file
			  * if that is due; PROG_TEMPFAIL if another one has
			  * it */
	STORE_SHARED,    /* for reading and counting during a poll */
};

struct store;

extern const struct lmdb_kind store_of_requests;

/* Opens the state of a tenant; creates folder and file if they are missing.
 * Returns NULL, the code and *why on failure; errno is EWOULDBLOCK if another
 * poll has the lock. */
struct store *store_open(const char *dir, const char *tenant,
    enum store_access access, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* The same for any file DIR/NAME.mdb. */
struct store *store_open_kind(const struct lmdb_kind *kind, const char *dir,
    const char *name, enum store_access access, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));
/* True if the tenant has a state. */
bool store_exists(const char *dir, const char *tenant);

/* Creates the folder for a state, unless it exists. Returns 0; or -1, the code
 * and *why. */
int store_make_folder(const char *dir, enum exit_code *code, struct buf *why);

/* Closes without committing. s may be NULL. */
void store_close(struct store *s);

/* Gets a committed value, borrowed until the next store_commit(), store_each(),
 * or store_close(). Returns false if the key is absent. */
bool store_get(struct store *s, enum store_table t, const char *key,
    const void **data, size_t *len);

/* Copies the change, which store_commit() writes. */
void store_put(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len);
void store_delete(struct store *s, enum store_table t, const char *key);

/* store_commit() empties all tables except STORE_META before it writes the
 * changes. */
void store_empty(struct store *s);

/* Calls entry() for each committed entry, sorted by key; its key is a text.
 * Returns the code and *why if not all of them could be read. */
enum exit_code store_each(struct store *s, enum store_table t,
    lmdb_entry_fn *entry, void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* Commits all changes. */
enum exit_code store_commit(struct store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Drops all changes since the last commit. */
void store_forget_changes(struct store *s);

/* True if LMDB cannot continue: the file must be opened again. */
bool store_is_lost(const struct store *s);

/* Explains why a committed entry is missing: the file is damaged. */
void store_explain_missing(struct store *s, struct buf *why);

/* Copies the content to a new file and continues with that, so that no byte of
 * removed entries remains. On failure, such as while another process has it
 * open, the old file remains in use, unless it is lost. */
enum exit_code store_compact(struct store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Numbers in STORE_META; def if there is none. */
int64_t store_number(struct store *s, const char *key, int64_t def);
void store_set_number(struct store *s, const char *key, int64_t n);

#endif
