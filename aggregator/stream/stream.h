/*
 * stream: the aggregator that reads an endless queue of records. This header is
 * for the files of this folder; other folders use stream_run() only.
 *
 *   stream.c               opens everything; hands records and snapshots to
 *                          their tenants until the end
 *   stream_eventcounter.c  events of another publisher instead of records
 *   stream_forget.c        erases customers
 *   stream_log.c           with keep_state = database: the flush lines, and the
 *                          sink's answers
 *   stream_sync.c          with keep_state = database: the start
 *   stream_flush.c         a flush: recompute, assign, save, commit, write the
 *                          lines, confirm
 *   stream_tables.c        the tenants, and the tables of the state
 *
 * A flush is made every [aggregator] every, or sooner after many records. It
 * commits rows, reservations and notices to the state, as lines, together with
 * the data from which they are made. Then it writes these lines to the outputs.
 * The next start does the same with the lines of the last commit, because they
 * may not have been written.
 *
 * The steps of a flush with keep_state = local; what the state has if the
 * program is killed after a step, before the next one; and what follows:
 *
 *   records read         The last commit: its lines are written again. The
 *                        records are delivered again.
 *   dead letters synced, The same. The dead letters and the passed-through
 *   passed-through       records are written again; the database keeps one of
 *   records confirmed    two equal records.
 *   the commit           This commit: its lines are written. The records are
 *                        delivered again and change nothing.
 *   lines written        This commit: its lines are written again. The records
 *                        are delivered again and change nothing.
 *   lines confirmed      The same. The next commit deletes these lines.
 *   input acknowledged   The same, but the records are not delivered again.
 *
 * With keep_state = database, the sink commits the lines and the changes of the
 * state of each tenant in one transaction, if they follow the tenant's last
 * flush there (its head), and answers. What is durable after each step, and
 * what follows if the program continues here, or elsewhere: on another machine
 * or with another state:
 *
 *   records read, dead   Both have the last flush. Here and elsewhere, the
 *   letters synced,      records are delivered again.
 *   passed-through
 *   records confirmed
 *   the commit           Our state has this flush, the database the last one.
 *                        Here, its lines are sent; if another machine has gone
 *                        on, they are refused, and the database's state
 *                        replaces ours. Elsewhere, the records are delivered
 *                        again to the last flush's state.
 *   some lines written   The same, because the sink stores no part of a flush.
 *   all lines written    The sink will store them, or has stored those of some
 *                        tenants. Here, they are sent again, and the sink knows
 *                        what it has stored. Elsewhere, each tenant is loaded
 *                        as the database has it; if the sink stores a flush
 *                        after that, it refuses the next one, and the tenant is
 *                        loaded again.
 *   stored               Both have this flush. Here and elsewhere, its
 *                        reservations and notices are written again, with the
 *                        same ids, and the records change nothing.
 *   decisions confirmed, The same. The next commit deletes the lines.
 *   input acknowledged
 *
 *   the sink is killed   It acknowledged nothing that it had not stored. Its
 *                        successor, if it does not know all lines, asks for
 *                        them again.
 *   no sink or database  No answer: the input waits, unacknowledged.
 *   frozen, then thawed  After a takeover, its lines are refused, and the
 * broker ignores its acknowledgements. killed while it      The head tells
 * that; the next start loads the whole loads                state. an older
 * database    It ends with 78; see stream_sync.c.
 *
 * A line that is written again changes nothing: rows have complete values, of
 * equal versions the database keeps the first, and no later version has been
 * written, since that needs a later commit. Reservations and notices have an
 * id.
 *
 * Records that are delivered again change nothing: messages and events are
 * known by their ids, lines of snapshots are known (staging.h), and of chats
 * and operators the latest record counts.
 *
 * The next records are read, and passed through, while the commit runs and its
 * lines are being confirmed, but they are committed only after that. So the
 * state always has the unconfirmed lines.
 *
 * Records that are passed through unchanged are confirmed before the commit
 * after which they are known: when they are delivered again, they may have
 * become late.
 *
 * The queue of rows is durable also with keep_state = database, although lines
 * of a flush could be sent again when the broker has lost them: records that
 * are passed through could not, because the state does not have them, and their
 * input is acknowledged with the flush. To keep them until the answer would
 * write each message to our disk, too. Nor would it save much: with a transient
 * classic queue instead, at 2,000 and 10,000 single messages a second, the
 * broker used as much CPU (3.8 and 7.7 s in 8 s, instead of 3.6 and 7.7 s).
 *
 * One thread reads, scans and flushes; each commit, which mostly waits for the
 * disk, has one of its own (state.h). A thread for reading would gain nothing:
 * at 10,000 records a second an aggregator is busy for less than a fifth of the
 * time, and a flush begins within 0.1 ms of its record. Most of the time is
 * spent waiting for the broker or the database.
 */
#ifndef AGGREGATOR_STREAM_STREAM_H
#define AGGREGATOR_STREAM_STREAM_H

#include "common/records/scan.h"
#include "common/stage/stage.h"

#include "aggregator/containers/key.h"
#include "aggregator/input/staging.h"
#include "aggregator/metrics/notice_metric.h"
#include "aggregator/state/shared.h"
#include "aggregator/state/state.h"
#include "aggregator/tenant/pipeline.h"

struct forget_order; /* common/records/forgotten.h */

/* In place of a writer, which is odd: the entries are not those of a stored
 * flush, so the database's state is loaded as a whole. */
enum stream_no_writer {
	STREAM_LOADING = 0, /* a part of them is loaded */
	STREAM_REFUSED = 2, /* they include a flush that was refused */
};

/* A stored flush of a tenant; version 0: none. */
struct stream_head {
	int64_t version;
	uint64_t writer;
};

struct stream_tenant {
	struct pipeline pipeline; /* first member: the model's callbacks get it
				   * as their context */
	struct stream *stream;
	char *name;
	uint32_t number;     /* its number in the state */
	uint64_t seed[2];    /* of its stored hashes */
	uint64_t next_chat;  /* the number of its next chat */
	bool touched;        /* changed since the last flush, so the next one
			      * recomputes and commits the tenant */
	bool aged;           /* records have moved its time on since its waits
			      * were written */
	bool other_terms;    /* the rows in the database were written with
			      * other hours or targets */
	bool has_runs;       /* the state has identities of its events */
	uint16_t oldest_run; /* their oldest span */
	/* With keep_state = database. */
	struct stream_head head;   /* the last flush */
	struct stream_head before; /* the one before; the last may not be
				    * stored yet */
	bool whole;  /* the next flush has all entries of the state */
	bool forced; /* and replaces a newer one in the database */
	bool loaded; /* its state came from the database */
	/* The marker of the newest snapshot that corrected the tenant since the
	 * last flush; empty if none did. */
	struct buf applied;
};

struct stream_tables {
	struct lmdb_table *names, *tenants, *chats, *messages, *operators,
	    *seen,
	    *allocation; /* allocation is NULL if chats are not assigned */
};

/* The lines of a flush for one output: entries of a table of the state, each
 * with about 60 KiB of lines. */
struct stream_lines {
	struct lmdb_table *table; /* number -> lines; NULL: no output */
	uint64_t entries;         /* that this flush has put */
	struct buf next;          /* lines that are not in the table yet */
};

/* How far the current flush is. */
enum flush_step {
	FLUSH_CONFIRMED,  /* done; its lines are deleted */
	FLUSH_COMMITTING, /* its commit runs; its lines are not written */
	FLUSH_STORED, /* with keep_state = database: its rows are stored, its
		       * reservations are not confirmed */
	FLUSH_WRITTEN /* its lines are written and not confirmed. A run
		       * begins with the lines of the last run's commit */
};

/* Counted since the run began. */
struct stream_counts {
	uint64_t records, again, late, ahead, bad, passed, rows, flushes,
	    assigned, notices;
};

struct stream {
	const struct aggregator_job *job;
	struct endpoint *in, *out;
	struct endpoint *assign; /* where reservations go; NULL if chats are not
				  * assigned */
	struct endpoint
	    *notify; /* where notices go; NULL: there are no rules */
	struct deadletter dead;
	struct stage stage; /* its code is the reason of any outcome NEVER */
	struct staging staging;
	struct state *state;
	struct stream_tables tables;
	struct stream_lines rows, reservations, notices; /* for out, assign and
							  * notify */
	struct allocation_listener listener;
	struct keyed_state_cache cache;
	struct pipeline_setup setup;
	struct future future;
	struct stream_counts counts;

	struct strmap names; /* name -> struct stream_tenant */
	struct stream_tenant **tenants;
	size_t tenants_n, tenants_cap;
	struct stream_tenant *last;
	size_t touched_n; /* number of touched tenants */

	/* The current line. */
	struct scan scan;
	struct record record;

	/* The current flush. */
	enum flush_step step;
	bool failed;                        /* see stream_fail() */
	const struct endpoint *unconfirmed; /* the output for which the flush
					     * waits, or NULL */
	uint64_t passed_confirmed; /* how many of counts.passed are confirmed */
	uint64_t out_mark; /* how far the output must be confirmed for the
			    * written lines; set if out_marked */
	bool out_marked;
	int64_t refresh_ms;       /* the interval of refreshes */
	int64_t refresh_began_ms; /* when the first tenant was last refreshed */
	int64_t refreshed_ms, expired_ms;
	size_t refresh_next; /* the tenant with which the refresh continues; 0:
			      * it ended */
	/* The time of the current block, for allocation. The clock never goes
	 * back, so a timer does not wait longer when the system clock is set
	 * back. */
	struct clock_onward clock;
	struct buf scratch;

	/* For stream_eventcounter.c. Times are monotonic. */
	struct {
		int64_t quiet_since_ms; /* when the last message was handled */
		int64_t held_since_ms;  /* when the first unacknowledged message
					 * arrived */
		uint64_t held;          /* the stage's line count before that
					 * message */
		int64_t published_ms;
		uint64_t published; /* the counts at the last publication */
		bool warned;
		struct strmap aliases; /* hash of a user's id -> alias (char
					* *) */
	} counter;

	/* With keep_state = database; see stream_log.c. Times are
	 * monotonic. */
	struct shared *shared; /* NULL: keep_state = local */
	struct {
		struct lmdb_table *heads;
		uint64_t writer; /* of this run's flushes */
		/* The flush whose answer is expected. */
		uint64_t sent_writer;
		int64_t sent_version;
		int64_t confirmed_ms; /* since when the broker has its lines; 0:
				       * it does not yet */
		int64_t patience_ms;  /* when to send them again */
		char *identity, *host;
		struct buf open; /* the line that began the current tenant's
				  * flush, up to the number of its part */
		size_t part, part_bytes;
		size_t message_bytes; /* of the message that is being written */
		uint64_t flushes;     /* of tenants, in the current flush */
		bool refused;         /* the run ends, and another one begins */
	} log;

	/* For stream_forget.c. Times are monotonic. */
	struct {
		int64_t looked_ms;
		int64_t seen_ms;      /* when an order was first seen; 0 if
				       * there is none */
		struct strmap unread; /* paths of orders that could not be
				       * read */
	} forget;
};

/* Reads a stream from a queue, with snapshots that correct it, until the
 * program is stopped. */
enum exit_code stream_run(const struct aggregator_job *job);

/* stream.c */

/* Adds the current record, which is outside any snapshot, to its tenant. */
enum outcome stream_add_record(struct stream *s);
/* Refuses the current line. */
enum outcome stream_refuse_record(
    struct stream *s, const char *reason, uint64_t *count);
void stream_touch(struct stream_tenant *t);
/* After an outcome NEVER: nothing more is committed, and the stream ends with
 * that exit code. */
void stream_fail(struct stream *s, enum exit_code code);

/* stream_eventcounter.c. With any other input these do nothing. */

/* Define how the input is opened, and how its stage differs. */
void stream_counter_open(const struct stream *s, struct endpoint_options *opt);
void stream_counter_stage(struct stream *s);
/* Publishes the counts if it is time to. Call it after a confirmed flush, and
 * when no input arrives. */
enum outcome stream_counter_publish_due(struct stream *s);
/* Publishes the counts after the last commit. */
enum exit_code stream_counter_publish(struct stream *s);
/* Call it when no input arrives: the run ends after a certain time. */
void stream_counter_idle(struct stream *s);
/* Loads the aliases under which erased customers are counted. */
void stream_counter_load(struct stream *s);
/* Moves the counts of an erased customer to an alias, under which the customer
 * is counted from the next run on. */
void stream_counter_forget(
    struct stream_tenant *t, const struct forget_order *o);

/* stream_forget.c */

/* Looks for orders to erase customers, and ends the run when it is time to
 * execute them. Call it often. */
void stream_forget_look(struct stream *s);
/* After a run that ended normally: executes the orders in the models and in the
 * state, which can then only be released. */
enum exit_code stream_forget(struct stream *s);

/* stream_log.c */

/* Opens the tables. Does nothing with a local state, as the next ones, except
 * to refuse a state that was not local before. */
enum exit_code stream_log_open(struct stream *s, struct buf *why)
    __attribute__((warn_unused_result));
void stream_log_close(struct stream *s);
void stream_log_load_head(struct stream_tenant *t);
void stream_log_save_head(const struct stream_tenant *t);
/* True if the tenant's state has changes that no flush has. */
static inline bool
stream_log_due(const struct stream_tenant *t)
{
	const struct shared *h = t->stream->shared;

	return h != NULL && (t->whole || shared_changed(h, t->number) > 0);
}
/* Put the lines around the rows of a tenant's flush. */
void stream_log_begin(struct stream_tenant *t);
void stream_log_end(struct stream_tenant *t);
/* Adds a line of a tenant's flush, or any line of rows. */
void stream_log_add(struct stream *s, const char *line, size_t len);
/* True if the database has all changes of the state. */
bool stream_log_is_complete(const struct stream *s);
/* Puts the line that asks for an answer, at the end of a flush. */
void stream_log_ask(struct stream *s);
/* Call when the lines are written. */
void stream_log_sent(struct stream *s);
/* Writes a line of the flush to the output. */
int stream_log_write(struct stream *s, const char *line, size_t len)
    __attribute__((warn_unused_result));
/* Returns DONE if the lines are stored, NEVER if they are refused; and sends
 * them again if no answer comes. */
enum outcome stream_log_stored(struct stream *s, bool wait)
    __attribute__((warn_unused_result));
/* After a refusal: the state of the tenants whose last flush is not stored will
 * be loaded from the database. */
void stream_log_discard(struct stream *s);

/* stream_sync.c */

/* Brings the state to what the database has, when this stream is the only
 * reader: first sends the lines of the last run. */
enum exit_code stream_sync(struct stream *s, struct buf *why)
    __attribute__((warn_unused_result));
/* Sets *found if the database has a state of the stream. */
enum exit_code stream_sync_find(struct stream *s, bool *found, struct buf *why)
    __attribute__((warn_unused_result));

/* stream_flush.c */

/* Adds a line of rows to the flush. */
void stream_add_line(struct stream *s, const char *line, size_t len);
/* True if there are lines of a flush that may not have been written. */
bool stream_has_lines(const struct stream *s);
/* Deletes them. */
void stream_delete_lines(struct stream *s);

/* Begins a flush, after the end of the last one: its commit runs while the next
 * records are read. stream_confirm() writes and confirms its lines. */
enum outcome stream_flush_begin(struct stream *s, bool refresh)
    __attribute__((warn_unused_result));
/* Writes the lines once they are committed, and returns whether they are
 * confirmed; LATER means not yet. wait: waits for it, as stream_flush()
 * does. */
enum outcome stream_confirm(struct stream *s, bool wait)
    __attribute__((warn_unused_result));
/* A whole flush: commits all records read, writes the rows and confirms them.
 * After LATER, the next call continues the flush. refresh: also writes all rows
 * with a running wait; otherwise some of them if it is time to. */
enum outcome stream_flush(struct stream *s, bool refresh)
    __attribute__((warn_unused_result));
/* True if it is time to rewrite rows with a running wait. */
bool stream_refresh_due(const struct stream *s);
/* Advances the clock of allocation and notices, and touches the tenants for
 * which something is due. True if there are any. */
bool stream_touch_due(struct stream *s);
/* Add a new reservation, or a notice that has fired or is over, to the lines of
 * the flush; the context is the stream, or the tenant. */
void stream_reserved(void *ctx, const struct allocation_reservation *p);
void stream_noticed(void *ctx, const struct notice *n);

/* Puts a tenant's changes, and its changed rows; none counts as changed after
 * that. */
void stream_flush_tenant(struct stream_tenant *t);
/* Commits what was put. */
enum exit_code stream_commit(struct stream *s, struct buf *why)
    __attribute__((warn_unused_result));
/* Waits for the commit that was begun; fails the stream after any error of the
 * state. */
enum outcome stream_finish_commit(struct stream *s)
    __attribute__((warn_unused_result));
/* After a commit was begun, and at the start: waits for it, and writes its
 * lines to the outputs. */
enum outcome stream_write_lines(struct stream *s)
    __attribute__((warn_unused_result));

/* stream_tables.c */

/* Opens the state, and reads the names of its tenants. */
enum exit_code stream_open_state(struct stream *s, struct buf *why)
    __attribute__((warn_unused_result));
/* Reads everything else. */
enum exit_code stream_load_state(struct stream *s, struct buf *why)
    __attribute__((warn_unused_result));
/* Returns the tenant with that name, created if missing. */
struct stream_tenant *stream_tenant(struct stream *s, struct text name);
/* Returns the start of the tenant's keys, which is its number. */
struct key stream_tenant_key(const struct stream_tenant *t);
/* Puts the tenant's changes into the state. */
void stream_save(struct stream_tenant *t);

/* True if the last flush is confirmed and no tenant has changed since, so that
 * the figures are those that the state and the outputs have. Only lines of
 * unfinished snapshots may still have to be committed. */
static inline bool
stream_is_flushed(const struct stream *s)
{
	return !s->failed && s->step == FLUSH_CONFIRMED && s->touched_n == 0 &&
	       stream_log_is_complete(s);
}

/* True if no record has given the tenant a time for its rows, which are made
 * when one does. */
static inline bool
stream_is_undated(const struct stream_tenant *t)
{
	return t->pipeline.model.as_of == CLOCK_NONE;
}

#endif
