/*
 * store: what the poller keeps of one tenant between polls, in one LMDB file,
 * DIR/TENANT.mdb, which is seen in store.c only. Keys and values are bytes in
 * a few tables; what they mean is their users' business.
 *
 * Guarantee: store_commit() makes all changes since the last one durable, or
 * none. A process may be killed at any time. Only one poll works on a tenant
 * (a lock beside the file); the self-check and --status may look and count
 * meanwhile.
 *
 * A file that is damaged, of another version or full gives one sentence that
 * says what to do. It holds nothing that the CRM could not tell again.
 *
 * Damaged is what does not hang together, and a value that does not fit the
 * checksum of its key and itself. The tree of pages has no checksum of its own,
 * as aggregator/state/state_sums.c keeps for a file that nobody could make
 * again: what its damages, or pages put back from an earlier time, can come to
 * is entries that are missing, older, or in another table. None of them makes a
 * snapshot wrong. What is missing is asked for; a chat's entry is used only as
 * long as the CRM's list shows the mark it was read with, a customer's for a
 * day, the operators for operators_every; and what is no entry of its table
 * cannot be decoded there. What counts calls may come to less. A file of
 * another tenant is emptied when it is used, see poll/pull.c.
 */
#ifndef POLLER_STORE_STORE_H
#define POLLER_STORE_STORE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_table {
	STORE_META,
	STORE_CHATS,
	STORE_CUSTOMERS,
	STORE_STATISTICS,
	STORE_TABLES
};

enum store_access {
	STORE_EXCLUSIVE, /* the poll: nobody else may; PROG_TEMPFAIL if so */
	STORE_SHARED,    /* looks, and counts */
	STORE_READ_ONLY  /* makes nothing; PROG_NOINPUT: there is nothing yet */
};

struct store;

/* Makes the folder and the file if they are missing, unless it only looks;
 * LMDB's lock file is written then, too, so the folder must be writable. NULL,
 * the code and *why; errno is EWOULDBLOCK when another poll is at work. */
struct store *store_open(const char *dir, const char *tenant,
    enum store_access access, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Without committing. NULL is fine. */
void store_close(struct store *s);

/* False: its file was removed or replaced since it was opened. */
bool store_is_there(const struct store *s);

/* The committed value, borrowed until the next store_commit(), store_each()
 * or store_close(). False: there is none. */
bool store_get(struct store *s, enum store_table t, const char *key,
    const void **data, size_t *len);

/* Ends reading, and with it what store_get() lent: the next look sees what
 * others have committed meanwhile. Who stays for long looks so, since LMDB
 * uses no page again that a reader may see. */
void store_end_read(struct store *s);

/* Copied, and written by store_commit(). */
void store_put(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len);
void store_delete(struct store *s, enum store_table t, const char *key);

/* Forgets a whole table, and what was put into it and not committed. */
void store_empty(struct store *s, enum store_table t);

/* Calls back for each committed entry, in the order of keys; the data is
 * borrowed for the time of the call. */
void store_each(struct store *s, enum store_table t,
    void (*entry)(void *ctx, const char *key, const void *data, size_t len),
    void *ctx);

/* Bytes that wait for store_commit(). */
size_t store_pending(const struct store *s);

/* Commit point of what was put and deleted. */
enum exit_code store_commit(struct store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Numbers among the meta data; def if there is none. */
int64_t store_number(struct store *s, const char *key, int64_t def);
void store_set_number(struct store *s, const char *key, int64_t n);

#endif
