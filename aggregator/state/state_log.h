/*
 * state_log: DIR/stream.log, in which a state's commits are durable before
 * its file has them: one entry a commit, one write and one fdatasync(2). It
 * knows nothing of what an entry says.
 *
 * The file is a page of header and entries, each with a number, its length
 * and a checksum, on pages of its own: writing one never touches another. To
 * begin anew costs nothing: the next entry goes to the front, and what is
 * left behind it is known by its lower numbers. So the file is written in
 * place again and again, and is never shortened.
 *
 * Of the entries the last may be torn: its commit never returned. If there is a
 * whole one of a higher number behind one that is not, that one was damaged;
 * and so was a file that is shorter than it ever was.
 *
 * LMDB alone was measured, each commit of 100 changed entries of 20,000 synced
 * by itself: 5 ms and 0.8 ms of CPU, for it writes every page on the way to
 * each; with this log before it 1.4 to 2.0 ms and 0.24 ms. RocksDB, which has
 * a log of its own, was tried instead of both: state.h has its metrics.
 *
 * Which state it belongs to is told by that one's seed, which is part of all
 * checksums.
 */
#ifndef AGGREGATOR_STATE_STATE_LOG_H
#define AGGREGATOR_STATE_STATE_LOG_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the first entry is, and what each begins at a multiple of. */
#define STATE_LOG_PAGE ((size_t)4096)

/* The file's size, at most. */
#define STATE_LOG_MAX ((size_t)128 << 20)

struct state_log {
	char *path;
	int fd;        /* -1: not open */
	uint64_t salt; /* of checksums */
	uint64_t at;   /* where the next entry goes */
	uint64_t size; /* what the file has room for */
};

enum state_log_result {
	STATE_LOG_OK,
	STATE_LOG_NONE,    /* there is no file */
	STATE_LOG_FOREIGN, /* it belongs to another state, or a later one */
	STATE_LOG_VERSION, /* made by a later version */
	STATE_LOG_DAMAGED,
	STATE_LOG_SHORT,  /* it ends before what was acknowledged */
	STATE_LOG_FAILED, /* errno */
};

void state_log_init(struct state_log *l, const char *dir);
void state_log_release(struct state_log *l);

/* Opens what is there. */
enum state_log_result state_log_open(struct state_log *l,
    const uint64_t seed[2]) __attribute__((warn_unused_result));

/* Makes an empty one, durably, instead of what is there. -1 with errno. */
int state_log_make(struct state_log *l, const uint64_t seed[2])
    __attribute__((warn_unused_result));

/* One entry, borrowed; false: it makes no sense. */
typedef bool state_log_fn(void *ctx, const char *data, size_t len);

/* Calls back for each entry above *number, which then is the last one's. */
enum state_log_result state_log_each(struct state_log *l, uint64_t *number,
    state_log_fn *entry, void *ctx) __attribute__((warn_unused_result));

/* Whether an entry of so many bytes has room. */
bool state_log_has_room(const struct state_log *l, size_t len);

/* Makes an entry durable. -1 with errno. */
int state_log_add(struct state_log *l, uint64_t number, const struct buf *entry)
    __attribute__((warn_unused_result));

/* All entries are safe elsewhere. */
void state_log_restart(struct state_log *l);

/* Whether there are entries since. */
bool state_log_any(const struct state_log *l);

#endif
