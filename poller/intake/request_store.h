/*
 * request_store: the requests that a listener has accepted, in one file,
 * DIR/spool/requests.mdb (crm/store.h). Requests are numbered. The lines of a
 * request are removed when they are published; its key (idempotency.h), if it
 * has one, stays for a day. In an empty store the numbers begin with 1.
 *
 * Commit point: request_store_commit() makes all changes since
 * request_store_begin() durable (synced), or none.
 *
 * A damaged file is rejected with an error that explains what to do; it is not
 * repaired. An older copy of the file is a valid store.
 *
 * One process owns the file. All functions may be called from any thread;
 * between begin and commit other callers wait.
 */
#ifndef POLLER_INTAKE_REQUEST_STORE_H
#define POLLER_INTAKE_REQUEST_STORE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/lmdb/lmdb_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request_store;

/* Creates missing folders and the file. max: the maximum number of bytes of
 * stored lines; max_keys: the number of keys above which the oldest ones are
 * removed. Returns NULL, the exit code and *why if another listener has the
 * file (TEMPFAIL), the file is damaged (IO), or it cannot be created. Owned by
 * the caller. */
struct request_store *request_store_open(const char *dir, uint64_t max,
    size_t max_keys, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* s may be NULL. */
void request_store_close(struct request_store *s);

/* Begins a change. Each begin must be followed by one commit. */
void request_store_begin(struct request_store *s);

/* Adds the lines of a request and its key, which is empty or begins with the
 * request's time (int64_t). Returns false if there is no space for lines of
 * that size. */
bool request_store_add(
    struct request_store *s, const struct buf *lines, const struct buf *key);

/* Removes the lines of all requests up to that number. */
void request_store_drop(struct request_store *s, uint64_t number);

/* Removes the keys from before that time, and the oldest ones above the limit.
 * Call it before keys are added. */
void request_store_expire(struct request_store *s, int64_t before_ms);

/* Returns a committed number, 0 if there is none; sets one. */
int64_t request_store_number(struct request_store *s, const char *key);
void request_store_set_number(
    struct request_store *s, const char *key, int64_t n);

/* Returns 0; or -1 and *why, and then nothing was changed. */
int request_store_commit(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Appends committed lines with numbers above *number, about `most` bytes and at
 * least those of one request, and sets *number to that of the last one. Returns
 * 1; 0 if there are none; -1 and *why on errors. */
int request_store_next(struct request_store *s, uint64_t *number, size_t most,
    struct buf *lines, struct buf *why) __attribute__((warn_unused_result));

/* Calls each() for each committed key, in the order of the requests; -1 and
 * *why on errors. */
int request_store_keys(struct request_store *s, lmdb_entry_fn *each, void *ctx,
    struct buf *why) __attribute__((warn_unused_result));

/* The number of the next new request, and of the first one with lines. */
uint64_t request_store_end(struct request_store *s);
uint64_t request_store_first(struct request_store *s);

/* Compacts the file, because texts of messages must not stay on the disk. Does
 * nothing while most of the file is in use. -1 and *why on errors; the old file
 * then stays in use. */
int request_store_compact(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True if a failed commit left LMDB unusable: the process must end. */
bool request_store_is_lost(struct request_store *s);

const char *request_store_path(const struct request_store *s);

#endif
