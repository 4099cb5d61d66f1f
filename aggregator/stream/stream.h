/*
 * stream: the aggregator behind a queue whose records come for ever. What its
 * parts share, and nobody else needs:
 *
 *   stream.c             the run: blocks in, records to their tenants
 *   stream_snapshot.c    a snapshot corrects it
 *   stream_tick.c        a tick: settle, save, commit, rows out, confirmed
 *   stream_open.c        the ends and the state, opened
 *   stream_save.c        what is kept of a tenant, written
 *   stream_load.c        and read back
 *   stream_state.c       how far a tick is, as a table
 *   stream_export.c      what is known as records, for another generation
 *   stream_allocation.c  who gets which chat, and that it is told
 *   stream_redelivery.c  which messages of the broker it has had
 *
 * The keys of rows that were committed and not confirmed are packed in
 * aggregator/tenant/pending_rows.c.
 *
 * The order of a tick, and what a crash leads to:
 *
 *   records come          they come again: nothing of them was committed
 *   dead letters, safe    they come again, the letters too
 *   state_commit()        they come again, and are known; the rows' keys are
 *                         marked, so the rows are written at the next start
 *   rows, confirmed       the same rows are written once more
 *   input acknowledged    the marks are removed with the next commit
 *
 * Records that are passed on as they came are written before their identities
 * are committed and once more when they come again.
 */
#ifndef AGGREGATOR_STREAM_STREAM_H
#define AGGREGATOR_STREAM_STREAM_H

#include "common/endpoint/stage.h"
#include "common/records/scan.h"

#include "aggregator/snapshot/staging.h"
#include "aggregator/state/state.h"
#include "aggregator/stream/redelivery.h"
#include "aggregator/stream/stream_state.h"
#include "aggregator/tenant/job.h"

/* A number in the state, 1: no tenant is aged. */
#define STREAM_REFRESHED "refreshed"

struct stream_tenant {
	struct pipeline pipeline; /* first: the context of the model's calls */
	struct stream *stream;
	char *name;
	uint32_t number; /* in the state */
	enum stream_age age;
	bool has_runs;       /* of identities */
	uint16_t oldest_run; /* their oldest span that is kept */
};

struct stream_tables {
	struct state_table *tenants, *chats, *messages, *operators, *events,
	    *dedup, *pending_rows, *redelivery,
	    *allocation; /* NULL: there is none */
};

/* Counted since the start. */
struct stream_counts {
	uint64_t records, again, late, ahead, bad, passed, rows, ticks,
	    assigned;
};

/* See stream_redelivery.c. */
struct stream_redelivery {
	struct redelivery known;
	uint64_t serial; /* of the message in hand, */
	uint64_t lines;  /* of which so many were taken in before */
	struct stream_redelivery_tick *ticks; /* in the state, */
	size_t ticks_n, ticks_cap;
	size_t messages; /* with so many messages that have an id; */
	bool has_others; /* it has some without */
	uint64_t last;   /* version of the last tick; */
	uint64_t acked;  /* of the last one that is acknowledged */
	uint64_t
	    flushed; /* the connection that is acknowledged next; 0: none */
};

struct stream {
	const struct job *job;
	struct endpoint *in, *out;
	struct endpoint *assign; /* of reservations; NULL: no allocation */
	struct deadletter dead;
	struct stage stage;
	struct staging staging;
	struct state *state;
	struct stream_tables tables;
	struct keyed_state_pool pool;
	struct pipeline_setup setup, snapshots; /* of streams, of snapshots */
	enum exit_code code;                    /* why an answer was NEVER */
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
	uint64_t line;       /* of the block, from 0 on */
	uint64_t first_line; /* its number within its message */
	struct stream_redelivery redelivery;
	struct staging_source from;
	int scanned; /* what scan_record() said of a line that is given again */
	bool again;

	/* The tick in hand. */
	enum stream_state tick;
	uint64_t pending_version; /* the mark that is in the state; 0: none */
	int64_t refresh_ms;       /* how often */
	int64_t refreshed_ms, expired_ms;
	int64_t now_ms; /* of allocation, at the block in hand */
	struct buf scratch, key;
};

/* From a queue: a stream, and snapshots that correct it. */
enum exit_code stream_run(const struct job *job);

/* Writes the state of a stream as records. stream_export.c */
enum exit_code stream_export(const struct job *job);

/* What run and export begin and end with. */
void stream_init(struct stream *s, const struct job *job);
enum exit_code stream_open_state(struct stream *s, struct buf *why);
enum exit_code stream_open(struct stream *s, struct buf *why);
void stream_release(struct stream *s);

/* The tenant of that name, new if it is not known. */
struct stream_tenant *stream_tenant(struct stream *s, struct text name);
void stream_touch(struct stream_tenant *t);

/* What follows for the tick in hand, or for a tenant in it. */
void stream_step(struct stream *s, enum stream_event e);
void stream_tenant_step(struct stream_tenant *t, enum stream_tenant_event e);

/* An answer is NEVER: nothing more is committed, and the stream ends with that
 * code. */
void stream_fail(struct stream *s, enum exit_code code);

/* This tick writes it. */
static inline bool
stream_is_touched(const struct stream_tenant *t)
{
	return t->age == TENANT_TOUCHED || t->age == TENANT_REFRESHED;
}

/* A refresh would change its rows. */
static inline bool
stream_is_aged(const struct stream_tenant *t)
{
	return t->age == TENANT_AGED || t->age == TENANT_TOUCHED;
}

/* For the staging, whose context is the stream: has it not had that message of
 * a snapshot? Then, the snapshot corrects it. */
bool stream_passes(void *ctx, const struct record *r);
enum outcome stream_publish(void *ctx, struct intake *intake)
    __attribute__((warn_unused_result));

/* Everything that waits becomes committed, written and confirmed. */
enum outcome stream_tick(struct stream *s, bool refresh)
    __attribute__((warn_unused_result));

/* The dead letters so far become safe. */
enum outcome stream_flush_dead_letters(struct stream *s)
    __attribute__((warn_unused_result));

/* True when rows in which a wait runs are old, and time went on since. */
bool stream_refresh_due(const struct stream *s);

/* Reads the state at the start. -1: an error, which state_commit() tells. */
int stream_load(struct stream *s) __attribute__((warn_unused_result));

/* A block is in hand, or was taken in to its end. */
void stream_redelivery_block(struct stream *s);
void stream_redelivery_end(struct stream *s);
/* All that was is flushed. */
void stream_redelivery_flushed(struct stream *s);
/* With what is committed of what they did; and back. */
void stream_redelivery_save(struct stream *s);
void stream_redelivery_load(struct stream *s);
void stream_redelivery_release(struct stream *s);

/* Allocation: all of these do nothing where there is none. */

/* The clock is there; touches the tenants for which something is due. */
void stream_allocation_clock(struct stream *s);
bool stream_allocation_due(const struct stream *s);
/* Decides, of a tenant that was touched. */
void stream_allocation_decide(struct stream_tenant *t);
void stream_allocation_save(struct stream_tenant *t);
int stream_allocation_load(struct stream *s)
    __attribute__((warn_unused_result));
/* What was reserved for wherever reservations go: -1: it failed. Then, like any
 * rows, confirmed; then they are sent. */
int stream_allocation_write(struct stream *s)
    __attribute__((warn_unused_result));
void stream_allocation_sent(struct stream_tenant *t);
/* Corrects it by a snapshot, or a part of one; NULL: all. */
void stream_allocation_correct(struct stream_tenant *t,
    const struct replay_log *replay, const struct bucket_set *part);

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
