/*
 * state_log: DIR/stream.log, which makes a state's commits durable before its
 * file has them: one entry a commit, one write and one fdatasync(2). What the
 * bytes of an entry mean is up to the caller.
 *
 * The file is a page of header and entries, each with a number, its length
 * and a checksum, on pages of its own: writing one never touches another.
 * Restarting the log costs nothing: the next entry goes to the front, and the
 * old ones behind it are recognized by their lower numbers. So the file is
 * written in place again and again, and is never shortened.
 *
 * The last entry may be torn: its commit never returned. An entry that is not
 * whole, and has a whole one of a higher number behind it, is damaged; so is a
 * file that is shorter than a log is made.
 *
 * LMDB alone was measured, each commit of 100 changed entries of 20,000 synced
 * by itself: 5 ms and 0.8 ms of CPU, for it writes every page on the way to
 * each; with this log before it 1.4 to 2.0 ms and 0.24 ms. RocksDB, which has
 * a log of its own, was tried instead of both: state.h has its numbers.
 *
 * The header holds the seed of the state that the log belongs to, which is part
 * of all checksums.
 */
#ifndef AGGREGATOR_STATE_STATE_LOG_H
#define AGGREGATOR_STATE_STATE_LOG_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In bytes. The first entry is at one page; each begins at a multiple. */
#define STATE_LOG_PAGE ((size_t)4096)

/* The maximum size of the file, in bytes. */
#define STATE_LOG_MAX ((size_t)128 << 20)

struct state_log {
	char *path;
	int fd;        /* -1: not open */
	uint64_t salt; /* of checksums */
	uint64_t at;   /* where the next entry goes */
	uint64_t size; /* of the file */
};

enum state_log_result {
	STATE_LOG_OK,
	STATE_LOG_NONE,    /* there is no file */
	STATE_LOG_FOREIGN, /* it belongs to another state, or a later file */
	STATE_LOG_VERSION, /* made by a later version */
	STATE_LOG_DAMAGED,
	STATE_LOG_SHORT,  /* it lacks a commit that was acknowledged */
	STATE_LOG_FAILED, /* errno */
};

void state_log_init(struct state_log *l, const char *dir);
void state_log_release(struct state_log *l);

/* Opens the file, if there is one. */
enum state_log_result state_log_open(struct state_log *l,
    const uint64_t seed[2]) __attribute__((warn_unused_result));

/* Makes an empty log, durably, and replaces the old one. -1 with errno. */
int state_log_make(struct state_log *l, const uint64_t seed[2])
    __attribute__((warn_unused_result));

/* Receives one entry, borrowed. False: its bytes are damaged. */
typedef bool state_log_fn(void *ctx, const char *data, size_t len);

/* Calls back for each entry of a number above *number, and sets *number to the
 * last one's. */
enum state_log_result state_log_each(struct state_log *l, uint64_t *number,
    state_log_fn *entry, void *ctx) __attribute__((warn_unused_result));

/* True if an entry of that many bytes fits. */
bool state_log_has_room(const struct state_log *l, size_t len);

/* Makes an entry durable. -1 with errno. */
int state_log_add(struct state_log *l, uint64_t number, const struct buf *entry)
    __attribute__((warn_unused_result));

/* All entries are durable elsewhere: the next one goes to the front. */
void state_log_restart(struct state_log *l);

/* True if entries were added since the last restart. */
bool state_log_any(const struct state_log *l);

/* The same on a thread, which alone uses the log while it is not idle. Owned;
 * the log is borrowed. A process that cannot make a thread ends. */
struct state_log_thread;
struct state_log_thread *state_log_thread_new(struct state_log *l)
    __attribute__((warn_unused_result));
/* It must be idle. Takes the bytes of *entry, and leaves an empty one. */
void state_log_thread_add(
    struct state_log_thread *t, uint64_t number, struct buf *entry);
/* Waits for it, if asked to. *error, once it is idle: an errno, or 0. */
bool state_log_thread_is_idle(
    struct state_log_thread *t, bool wait, int *error);
/* Waits until it is idle. NULL is fine. */
void state_log_thread_free(struct state_log_thread *t);

#endif
