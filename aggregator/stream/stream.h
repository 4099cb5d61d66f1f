/*
 * stream: the aggregator behind a queue of records without an end. This header
 * is for the files of this folder; other folders use stream_run() only.
 * Each file uses those below it only:
 *
 *   stream.c             the run: blocks in, records to their tenants
 *   stream_foreign.c     messages of another program in the place of records
 *   stream_forget.c      customers who are to be forgotten
 *   stream_snapshot.c    a snapshot corrects its tenant
 *   stream_flush.c       a flush: recompute, save, commit, write rows, confirm
 *   stream_open.c        opens the state, the input and the outputs
 *   stream_tables.c      the tables of the state, written and read
 *   stream_pending.c     the keys of rows that may not be confirmed
 *   stream_allocation.c  assignment of chats, and the reservations it makes
 *   stream_metrics.c     what Prometheus is told
 *   stream_tenant.c      the tenants
 *
 * A flush comes every [aggregator] every, or sooner after many records. Its
 * steps, and what follows a crash after each:
 *
 *   records come in       they come again: nothing of them was committed
 *   dead letters synced,  they come again, and the dead letters twice; the
 *   passed-through        database keeps one of two equal records
 *   records confirmed
 *   state_commit()        they come again and change nothing: messages and
 *                         events are known by their ids, of chats and operators
 *                         the latest record counts, lines of snapshots are
 *                         known (staging.h); the keys of pending rows are in
 *                         the state, so the rows are written at the next start
 *                         (stream_pending.c)
 *   rows confirmed        the same rows are written once more
 *   input acknowledged    the same, until the next commit removes the keys
 *
 * While rows are confirmed, the next records come in; they are committed after
 * that, so what was not confirmed always has its keys in the state.
 *
 * Records that are passed through as they came are confirmed before their
 * identities are committed: when they come again, they may have become late.
 *
 * One thread reads, scans and flushes. Another one for reading would gain
 * nothing: at 10,000 records a second an aggregator is busy for less than a
 * fifth of the time and a flush begins within 0.1 ms of its record; who waits,
 * waits for broker or database.
 */
#ifndef AGGREGATOR_STREAM_STREAM_H
#define AGGREGATOR_STREAM_STREAM_H

#include "common/records/scan.h"
#include "common/stage/stage.h"

#include "aggregator/input/staging.h"
#include "aggregator/state/state.h"
#include "aggregator/tenant/job.h"

/* Name of a number in the state. 1: no tenant is aged. */
#define STREAM_REFRESHED "refreshed"

struct stream_tenant {
	struct pipeline
	    pipeline; /* first: the context of the model's callbacks */
	struct stream *stream;
	char *name;
	uint32_t number; /* in the state */
	bool touched;    /* the flush writes what changed of it */
	bool aged;       /* time went on since its waits were written: a refresh
			    would change its rows */
	bool has_runs;   /* of identities, in the state */
	uint16_t oldest_run; /* the oldest span of these */
	/* The marker of the newest snapshot that corrected it since the last
	 * flush; empty: none did. */
	struct buf applied;
};

struct stream_tables {
	struct state_table *tenants, *chats, *messages, *operators, *events,
	    *seen, *pending_rows, *allocation; /* NULL: no allocation */
};

/* Counted since the start. */
struct stream_counts {
	uint64_t records, again, late, ahead, bad, passed, rows, flushes,
	    assigned;
};

struct stream {
	const struct aggregator_job *job;
	struct endpoint *in, *out;
	struct endpoint *assign; /* for reservations; NULL: no allocation */
	struct deadletter dead;
	struct stage stage;
	struct staging staging;
	struct state *state;
	struct stream_tables tables;
	struct keyed_state_cache cache;
	struct pipeline_setup setup, snapshots; /* of streams, of snapshots */
	struct future future;
	enum exit_code code; /* why an outcome was NEVER */
	struct stream_counts counts;

	struct strmap names; /* name -> struct stream_tenant */
	struct stream_tenant **tenants;
	size_t tenants_n, tenants_cap;
	struct stream_tenant *last;
	size_t touched; /* tenants that are */
	bool refreshed; /* by the state the last run ended in order: no tenant
			   is aged */
	uint64_t next_number; /* of a chat */

	/* The current block. */
	struct scan scan;
	struct record record;
	uint64_t line; /* the current one in the block, from 0 on */
	int scanned;   /* what scan_record() returned for the current line */
	bool again;    /* the current line is handled again, after LATER */

	/* The current flush. */
	bool written; /* its rows and reservations, which are not confirmed */
	bool failed;  /* an outcome is NEVER: nothing is committed any more */
	uint64_t pending_version; /* key of the pending rows; 0: none */
	uint64_t passed;          /* of counts, that are confirmed */
	uint64_t out_mark;  /* of what WRITTEN means, if confirming it... */
	bool begun;         /* ...was begun */
	int64_t refresh_ms; /* the interval of it */
	int64_t refreshed_ms, expired_ms;
	/* At the current block, for allocation: what waits for a time must not
	 * wait for a clock that was set back. */
	struct clock_onward clock;
	struct buf scratch, key;

	/* See stream_foreign.c; monotonic. */
	struct {
		int64_t quiet_since_ms; /* when the last message was handled */
		int64_t held_since_ms; /* the first of those not acknowledged */
		uint64_t held;         /* of the stage's lines before it */
		int64_t published_ms;
		uint64_t published; /* what was counted then */
		bool warned;
		struct strmap aliases; /* a hash of a user's id -> char * */
	} foreign;

	/* See stream_forget.c; monotonic. */
	struct {
		int64_t looked_ms;
		int64_t seen_ms;      /* 0: no order */
		struct strmap unread; /* paths of orders that cannot be */
	} forget;
};

/* Reads a stream, and snapshots that correct it, from a queue until it is
 * stopped. */
enum exit_code stream_run(const struct aggregator_job *job);

/* Adds the record in hand, outside of any snapshot, to its tenant. */
enum outcome stream_add_record(struct stream *s);
/* Refuses the line in hand. */
enum outcome stream_refuse_record(
    struct stream *s, const char *reason, uint64_t *count);

/* Of a foreign input, else these do nothing. How it is opened; how its stage
 * differs; what is due when a flush is confirmed, and while nothing comes; and
 * after the last commit. */
struct endpoint_options;
void stream_foreign_open(const struct stream *s, struct endpoint_options *opt);
void stream_foreign_stage(struct stream *s);
enum outcome stream_foreign_confirmed(struct stream *s);
void stream_foreign_idle(struct stream *s);
enum exit_code stream_foreign_end(struct stream *s);
/* Loads under which names customers are counted who were forgotten; has one
 * counted so from the next run on; publishes what changed by that. */
struct forget_order;
void stream_foreign_load(struct stream *s);
void stream_foreign_forget(struct stream *s, const struct forget_order *o);
enum exit_code stream_foreign_publish(struct stream *s);

/* Opens the state, the input and the outputs. */
enum exit_code stream_open(struct stream *s, struct buf *why);

/* Looks for orders to forget customers, and ends the run when it is time. Call
 * it often. */
void stream_forget_look(struct stream *s);

/* At the end of a run that has ended in order: carries out the orders, in the
 * models and in the state, which are released then. */
enum exit_code stream_forget(struct stream *s);

/* The tenant of that name, made if it is missing. */
struct stream_tenant *stream_tenant(struct stream *s, struct text name);
void stream_touch(struct stream_tenant *t);

/* After an outcome of NEVER: nothing more is committed, and the stream ends
 * with that code. */
void stream_fail(struct stream *s, enum exit_code code);

/* No time of the tenant is known to date its rows by, which stay pending. */
static inline bool
stream_is_undated(const struct stream_tenant *t)
{
	return t->pipeline.model.as_of == CLOCK_NONE;
}

/* Callbacks of the staging, whose context is the stream: true if a message of a
 * snapshot did not come in the stream, and then it has the time of its first
 * version; and a whole snapshot corrects the stream. */
bool stream_passes(void *ctx, struct record *r);
int stream_apply(void *ctx, struct text tenant, struct snapshot *snapshot,
    const struct bucket_set *part) __attribute__((warn_unused_result));

/* Only begins a flush: stream_confirm() ends it, and meanwhile records may come
 * in. DONE also if that was done. */
enum outcome stream_flush_begin(struct stream *s)
    __attribute__((warn_unused_result));

/* Whether what was written is confirmed; LATER: not yet. wait: waits as
 * stream_flush() does. */
enum outcome stream_confirm(struct stream *s, bool wait)
    __attribute__((warn_unused_result));

/* Replaces the keys of pending rows in the state by those of the rows that the
 * flush writes or that have no date yet. */
void stream_save_pending(struct stream *s);
/* At the start: marks these rows, so that they are written again. */
void stream_load_pending(struct stream *s);
/* There are rows of the tenant to write. */
bool stream_has_rows(const struct pipeline *d);

/* A flush: commits everything taken in, writes the rows and confirms them.
 * After LATER it goes on at the next call. refresh: also writes rows in which a
 * wait goes on. */
enum outcome stream_flush(struct stream *s, bool refresh)
    __attribute__((warn_unused_result));

/* True if rows in which a wait goes on are due to be written again. */
bool stream_refresh_due(const struct stream *s);

/* Reads the state at the start. -1: an error, which state_commit() returns. */
int stream_load(struct stream *s) __attribute__((warn_unused_result));

/* Allocation. Without it all of these do nothing. */

/* Sets the clock, and returns it; without allocation 0. */
int64_t stream_allocation_now(struct stream *s);
/* Sets the clock, and touches the tenants for which something is due. */
void stream_allocation_clock(struct stream *s);
bool stream_allocation_due(struct stream *s);
/* Assigns chats of a tenant that was touched. */
void stream_allocation_select(struct stream_tenant *t);
void stream_allocation_save(struct stream_tenant *t);
int stream_allocation_load(struct stream *s)
    __attribute__((warn_unused_result));
/* Writes new reservations; -1: that failed. They are confirmed as rows are, and
 * then sent. */
int stream_allocation_write(struct stream *s)
    __attribute__((warn_unused_result));
void stream_allocation_sent(struct stream_tenant *t);

/* NULL when it is not a daemon, or without [metrics] folder. The input is open.
 * Owned. */
struct daemon_metrics *stream_metrics_open(struct stream *s)
    __attribute__((warn_unused_result));

/* Writes what changed of a tenant into the state. */
void stream_save(struct stream_tenant *t);

/* The number of a chat in the state; stream_tables.c uses the higher bits of
 * struct chat's number. */
#define STREAM_CHAT_NUMBER(n) ((n) & ((UINT64_C(1) << 40) - 1))

/* The key of a segment of messages: the higher bits of its number stand above
 * the chat's, so that those of a chat with few are neighbours. */
static inline uint64_t
stream_segment_key(uint64_t chat, uint64_t segment)
{
	return segment >> 16 << 56 | STREAM_CHAT_NUMBER(chat) << 16 |
	       (segment & 0xffff);
}

/* Bytes of a tenant's number, with which its keys and its chats begin. */
#define STREAM_TENANT_BYTES 4

/* Sets *key to what keys of that tenant begin with: its number. */
void stream_tenant_key(const struct stream_tenant *t, struct buf *key);
/* Reads this number back from that many bytes. */
uint32_t stream_read_tenant_number(const void *p);

/* Appends the lowest bytes of n, the highest of these first. */
void stream_put_number(struct buf *key, uint64_t n, size_t bytes);

#endif
