/*
 * stage: the main loop of aggregator, sink and reaper, which acknowledges input
 * last.
 *
 *   read a batch (bounded wait) -> handle each line -> flush the effect
 *   -> confirmed, while the next batch is read -> flush the dead letters
 *   -> acknowledge the batch -> asked to stop?
 *
 * The stage decides when to flush: after a number of lines, after a time, or as
 * soon as there is nothing to read (`prompt` below).
 *
 * Guarantee: a line is acknowledged only after the flush that follows it, and
 * its confirm(), returned OUTCOME_DONE. A restart may repeat everything before
 * that point, so handlers must be idempotent.
 */
#ifndef COMMON_STAGE_STAGE_H
#define COMMON_STAGE_STAGE_H

#include "common/endpoint/endpoint.h"
#include "common/monitoring/prometheus.h"
#include "common/stage/deadletter.h"

struct stage {
	struct endpoint *in;
	struct deadletter *dead;
	void *ctx;
	size_t batch_records; /* flush at the latest after this many lines */
	int batch_ms;         /* or this long after the batch's first line */
	bool prompt;          /* or as soon as no line is available, after a
			       * pause in proportion to the last flush's
			       * duration */
	int rest;             /* the pause, in percent of that duration, after
			       * many lines at least 100; 0: none */
	int rest_ms;          /* minimum rest */
	int idle_ms;          /* how often idle() is called; 0: every second */
	bool overlaps;        /* a flush may begin while earlier ones are not
			       * confirmed yet */
	bool wait_forever;    /* repeat for ever a flush that returns LATER */
	bool dry_run;         /* acknowledge nothing: all messages stay in a
			       * queue */

	/* Handles one borrowed line; passes a bad record to deadletter_add()
	 * itself. Returns DONE (continue), NEVER (stop; it has logged why and
	 * set `code`), or LATER (stop with PROG_TEMPFAIL). */
	enum outcome (*handle)(void *ctx, char *line, size_t len);

	/* Replaces handle(): handles a block, see endpoint_read_block(), and
	 * sets *lines to the number of its lines. Same outcomes. */
	enum outcome (*handle_block)(
	    void *ctx, char *block, size_t len, size_t *lines);

	/* Makes the effect of all handled lines safe: committed, confirmed,
	 * synced. Called at least once, at the end of input. Same outcomes, but
	 * after LATER it is called again if the stage waits for ever. */
	enum outcome (*flush)(void *ctx);

	/* May be NULL: flush() does everything. Otherwise flush() may begin
	 * work that confirm() completes while the next batch is read. DONE,
	 * once for each flush, in order: the effect of the oldest flush that
	 * was not confirmed yet is safe. Without `wait`, LATER means not yet,
	 * and it does not block. With `wait`, it returns the same outcomes as
	 * flush(); if that takes long, it calls stage_serve(). */
	enum outcome (*confirm)(void *ctx, bool wait);

	/* May be NULL. Called before the input of the n oldest flushes is
	 * acknowledged: they are confirmed, and their dead letters, too. */
	void (*confirmed)(void *ctx, size_t n);

	/* May be NULL. Called before a batch of a prompt stage waits for more
	 * lines, and before each flush: sends data that need no flush. True:
	 * not everything could be sent; call again soon. */
	bool (*send)(void *ctx);

	/* Both may be NULL. pump() is called several times a second, however
	 * busy the stage is: it calls endpoint_pump() for the outputs of the
	 * handler, and does what is due at certain times. idle() is called
	 * about once a second while there is nothing to read, and between the
	 * repeats of a stage that waits for ever. */
	void (*pump)(void *ctx);
	void (*idle)(void *ctx);

	/* Set by a callback: ends normally, as after a signal, but without
	 * notifying the service manager, because the caller may start again. */
	bool enough;
	struct daemon_metrics *metrics; /* borrowed; NULL: none */

	/* Results. */
	enum exit_code code; /* set by the function that returns NEVER;
			      * PROG_SOFTWARE until then; PROG_OK for a closed
			      * pipe */
	bool ended;     /* all input has been handled and acknowledged: it was
			 * not truncated, and neither an error nor a signal
			 * ended it */
	uint64_t lines; /* number of lines read, including bad ones */

	/* Private. */
	int64_t resting_ms;          /* a prompt stage does not flush earlier */
	int64_t looked_ms;           /* when pump() was last called */
	struct stage_flush *flushes; /* that are not acknowledged, the oldest
				      * first */
	size_t flushes_n, flushes_cap;
	size_t confirmed_n; /* how many of them are confirmed */
};

/* Runs until the input ends, the queue is empty (until_empty) or a signal asks
 * to stop. Returns PROG_OK, PROG_DATA after a truncated input or bad records
 * from a file or pipe, or the code of the failure. Logs errors. */
enum exit_code stage_run(struct stage *s);

/* Serves the links, for callbacks that wait for other threads, which report
 * their progress to the service manager. */
void stage_serve(struct stage *s);

/* Returns the exit code after an outcome that was not DONE; `code` is for
 * NEVER. Other loops use it, too. */
enum exit_code stage_refusal(enum outcome o, enum exit_code code);

#endif
