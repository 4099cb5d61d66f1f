/*
 * stage: the main loop of aggregator and reaper, which acknowledges input last.
 * The sink, which reads on while it stores, has a loop of its own (consume.h):
 *
 *   read a batch (bounded wait) -> handle each line -> flush the effect
 *   -> flush the dead letters -> confirmed, while the next batch is read
 *   -> acknowledge the batch -> asked to stop?
 *
 * It decides when to flush: after a number of lines, a time, or at once when
 * nothing is to be read (`prompt` below).
 *
 * Guarantee: a line is acknowledged only after the flush that follows it, and
 * its confirm(), returned OUTCOME_DONE. A restart may repeat everything before
 * that point, so handlers must be idempotent.
 */
#ifndef COMMON_STAGE_STAGE_H
#define COMMON_STAGE_STAGE_H

#include "common/endpoint/endpoint.h"
#include "common/monitoring/daemon_metrics.h"
#include "common/stage/deadletter.h"

struct stage {
	struct endpoint *in;
	struct deadletter *dead;
	void *ctx;
	size_t batch_records; /* flush at the latest after that many lines */
	int batch_ms;         /* or that long after the batch's first line */
	bool prompt;          /* or as soon as no line is there, after a rest
				 in proportion to the last flush's duration */
	int rest;             /* a prompt stage's, in percent of that duration;
				 after many lines at least 100 */
	int rest_ms;          /* and at least so long */
	int idle_ms;          /* how often idle() is called; 0: a second */
	bool wait_forever;    /* repeat a flush that returns LATER for ever */
	bool dry_run;         /* nothing is acknowledged: a queue keeps all */

	/* Handles one line, borrowed; passes a bad record to deadletter_add()
	 * itself. Returns DONE (go on), NEVER (stop; it has logged why and set
	 * `code`), or LATER: the line was neither handled nor changed, and with
	 * wait_forever is passed again after a pause; else the stage stops with
	 * PROG_TEMPFAIL. */
	enum outcome (*handle)(void *ctx, char *line, size_t len);

	/* Instead of handle(): handles a block, see endpoint_read_block(), and
	 * sets *lines to the number of its lines. The same outcomes. */
	enum outcome (*handle_block)(
	    void *ctx, char *block, size_t len, size_t *lines);

	/* Makes the effect of all lines handled so far safe: committed,
	 * confirmed, synced. Called at least once at the end of input. The
	 * same outcomes. */
	enum outcome (*flush)(void *ctx);

	/* May be NULL: flush() does all of it. Else flush() may begin what
	 * confirm() ends, and meanwhile the next batch is read: DONE, the
	 * effect of the last flush is safe. LATER, unless `wait`: not yet,
	 * never waits. With it the same outcomes as flush(). */
	enum outcome (*confirm)(void *ctx, bool wait);

	/* May be NULL. Called before a batch of a prompt stage waits for more
	 * lines, and before each flush: sends what needs no flush to be sent.
	 * True: not all of it could be sent, call again soon. */
	bool (*send)(void *ctx);

	/* Both may be NULL. pump() calls endpoint_pump() for the outputs of the
	 * handler; it is called several times a second. idle() is called about
	 * once a second while there is nothing to read, and between the
	 * repeats of a stage that waits for ever. */
	void (*pump)(void *ctx);
	void (*idle)(void *ctx);

	/* May be NULL. For what the hour asks for, however much comes: called
	 * with idle(), and whenever a flush was acknowledged. So it looks at
	 * the clock itself. */
	void (*upkeep)(void *ctx);

	/* Set by a callback: ends in order, as if a signal asked to stop; but
	 * the manager of the service hears nothing, since the caller may begin
	 * again. */
	bool enough;
	struct daemon_metrics *metrics; /* borrowed; NULL: none */

	/* Results. */
	enum exit_code code; /* set by the function that returns NEVER;
				PROG_SOFTWARE until then; PROG_OK for a closed
				pipe */
	bool ended;     /* all input was handled and acknowledged: it was not
			   cut, and neither an error nor a signal ended it */
	uint64_t lines; /* read so far, bad ones included */

	/* Private. */
	int64_t resting_ms; /* a prompt stage does not flush before */
	int64_t looked_ms;  /* when pump() was called last */
	bool unconfirmed;   /* a flush began and is not acknowledged */
	struct endpoint_mark flushed; /* what it acknowledges */
	int64_t flush_ms;             /* when it began */
	uint64_t flush_lines;
};

/* Runs until the input ends, the queue is empty (until_empty) or a signal
 * asks to stop. Returns PROG_OK, or PROG_DATA after a cut input or bad records
 * from a file or pipe, or the code of what failed. Errors are logged. */
enum exit_code stage_run(struct stage *s);

/* Also for the other loops. The exit code after an outcome that was not DONE;
 * `code` is that of a NEVER. */
enum exit_code stage_refusal(enum outcome o, enum exit_code code);

/* The exit code at the end of the input; errors are logged. */
enum exit_code stage_verdict(struct endpoint *in, const struct deadletter *dead,
    enum endpoint_status status);

#endif
