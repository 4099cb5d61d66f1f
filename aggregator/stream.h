/*
 * stream: the aggregator behind a queue whose records come for ever. What its
 * parts share, and nobody else needs:
 *
 *   stream.c             the run: blocks in, records to their tenants
 *   stream_snapshot.c    a snapshot corrects it
 *   stream_tick.c        a tick: settle, save, commit, rows out, confirmed
 *   stream_save.c        what is kept of a tenant, written
 *   stream_load.c        and read back
 *   stream_export.c      what is known as records, for another generation
 *   stream_allocation.c  who gets which chat, and that it is told
 *   unsent.c             keys of rows that were committed and not confirmed
 *
 * The order of a tick, and what a crash leads to:
 *
 *   records come          they come again: nothing of them was committed
 *   state_commit()        they come again, and are known; the rows' keys are
 *                         marked, so the rows are written at the next start
 *   rows, confirmed       the same rows are written once more
 *   input acknowledged    the marks are removed with the next commit
 *
 * Records that are passed on as they came are written before their identities
 * are committed and once more when they come again.
 */
#ifndef AGGREGATOR_STREAM_H
#define AGGREGATOR_STREAM_H

#include "common/scan.h"
#include "common/stage.h"

#include "aggregator/inbox.h"
#include "aggregator/job.h"
#include "aggregator/state.h"

/* A number in the state, 1: no tenant is aged. */
#define STREAM_REFRESHED "refreshed"

struct stream_tenant {
	struct drive drive; /* first: the context of the model's calls */
	struct stream *stream;
	char *name;
	uint32_t number;     /* in the state */
	bool touched;        /* by this tick */
	bool aged;           /* its time went on since the last refresh */
	bool has_runs;       /* of identities */
	uint16_t oldest_run; /* their oldest span that is kept */
};

struct stream_tables {
	struct state_table *tenants, *chats, *messages, *operators, *events,
	    *seen, *unsent, *allocation; /* NULL: there is none */
};

/* Counted since the start. */
struct stream_counts {
	uint64_t records, again, late, ahead, bad, passed, rows, ticks,
	    assigned;
};

struct stream {
	const struct job *job;
	struct endpoint *in, *out;
	struct endpoint *assign; /* of promises; NULL: no allocation */
	struct deadletter dead;
	struct stage stage;
	struct inbox inbox;
	struct state *state;
	struct stream_tables tables;
	struct keyed_pool pool;
	struct drive_setup setup, snapshots; /* of streams, of snapshots */
	enum exit_code code;                 /* why an answer was NEVER */
	struct stream_counts counts;

	struct strmap names; /* name -> struct stream_tenant */
	struct stream_tenant **tenants;
	size_t tenants_n, tenants_cap;
	struct stream_tenant *last;
	size_t touched; /* how many are */
	bool refreshed; /* the state says that the last run ended in order: no
			   tenant is aged */
	uint64_t next_number; /* of a chat */

	/* The block in hand. */
	struct scan scan;
	struct record record;
	const char *block;
	uint64_t line;       /* of the block, from 0 on */
	uint64_t first_line; /* its number within its message; 0: not asked */
	int scanned; /* what scan_record() said of a line that is given again */
	bool again;

	/* The tick in hand. */
	bool broken;        /* a tick while idle failed */
	bool written;       /* committed and written, not confirmed */
	uint64_t unsent;    /* the mark that is in the state; 0: none */
	int64_t refresh_ms; /* how often */
	int64_t refreshed_ms, expired_ms;
	int64_t now_ms; /* of allocation, at the block in hand */
	struct buf scratch, key;
};

/* What run and export begin and end with. */
void stream_init(struct stream *s, const struct job *job);
enum exit_code stream_open_state(struct stream *s, struct buf *why);
void stream_release(struct stream *s);

/* The tenant of that name, new if it is not known. */
struct stream_tenant *stream_tenant(struct stream *s, struct text name);
void stream_touch(struct stream_tenant *t);

/* For the inbox, whose context is the stream: has it not had that message of a
 * snapshot? Then, the snapshot corrects it. */
bool stream_passes(void *ctx, const struct record *r);
enum outcome stream_publish(void *ctx, struct intake *intake)
    __attribute__((warn_unused_result));

/* Everything that waits becomes committed, written and confirmed. */
enum outcome stream_tick(struct stream *s, bool refresh)
    __attribute__((warn_unused_result));

/* True when rows in which a wait runs are old, and time went on since. */
bool stream_refresh_due(const struct stream *s);

/* Reads the state at the start. -1: an error, which state_commit() tells. */
int stream_load(struct stream *s) __attribute__((warn_unused_result));

/* Allocation: all of these do nothing where there is none. */

/* The clock is there; touches the tenants for which something is due. */
void stream_allocation_clock(struct stream *s);
bool stream_allocation_due(const struct stream *s);
/* Decides, of a tenant that was touched. */
void stream_allocation_decide(struct stream_tenant *t);
void stream_allocation_save(struct stream_tenant *t);
int stream_allocation_load(struct stream *s)
    __attribute__((warn_unused_result));
/* What was promised to wherever promises go: -1: it failed. Then, like any
 * rows, confirmed; then they are sent. */
int stream_allocation_write(struct stream *s)
    __attribute__((warn_unused_result));
void stream_allocation_sent(struct stream_tenant *t);
/* Corrects it by a snapshot, or a part of one; NULL: all. */
void stream_allocation_correct(struct stream_tenant *t,
    const struct notes *notes, const struct bucket_set *part);

/* Puts what changed of a tenant into the state. */
void stream_save(struct stream_tenant *t);

/* What a chat's number is in the state: the rest of struct chat's number
 * belongs to stream_save.c. */
#define STREAM_CHAT_NUMBER(n) ((n) & ((UINT64_C(1) << 40) - 1))

/* The key of a segment of messages. */
static inline uint64_t
stream_segment_key(uint64_t chat, size_t segment)
{
	return STREAM_CHAT_NUMBER(chat) << 16 | segment;
}

/* Keys that begin with the tenant, in its order. */
void stream_tenant_key(const struct stream_tenant *t, struct buf *key);

#endif
