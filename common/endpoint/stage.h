/*
 * stage: the loop of aggregator and reaper. "Acknowledge last" is written here
 * for both; the sink, which reads on while it stores, has it in consume.h, and
 * the event counter, whose effect is files, in eventcounter_settle.c:
 *
 *   read a batch (bounded wait) -> handle each line -> flush the effect
 *   -> flush the dead letters -> acknowledge the batch -> asked to stop?
 *
 * Guarantee: a line is acknowledged only after the flush that follows it said
 * OUTCOME_DONE. Everything before that point may be repeated by a restart, so
 * what a handler does must be idempotent.
 */
#ifndef COMMON_ENDPOINT_STAGE_H
#define COMMON_ENDPOINT_STAGE_H

#include "common/endpoint/deadletter.h"
#include "common/endpoint/endpoint.h"

struct stage {
	struct endpoint *in;
	struct deadletter *dead;
	void *ctx;
	size_t batch_records; /* flush at the latest after that many lines */
	int batch_ms;         /* or that long after the batch's first line */
	bool prompt;          /* or as soon as the input has nothing more for
				 the moment, a rest after the last flush that
				 is as long as a part of that was. Where lines
				 come faster than they are handled it flushes
				 as late as busy_ms after that line: it is
				 behind anyway, and larger batches let it
				 catch up */
	int busy_ms;          /* up to batch_ms, as 0: never later than that */
	int idle_ms;          /* how often idle() is called; 0: a second */
	bool wait_forever;    /* retry a flush that says LATER for ever */

	/* One line, borrowed. Bad records are the handler's business: it calls
	 * deadletter_add() with *why. Returns DONE (go on), NEVER (stop; the
	 * handler has logged why and set `code`), or LATER: the line was
	 * neither taken nor changed; a stage that waits for ever gives it again
	 * after a pause, another stops with PROG_TEMPFAIL. */
	enum outcome (*handle)(void *ctx, char *line, size_t len);

	/* Instead of handle(): the lines in blocks, see endpoint_read_block();
	 * *lines is how many there were. The same answers. */
	enum outcome (*handle_block)(
	    void *ctx, char *block, size_t len, size_t *lines);

	/* Makes the effect of all lines handled so far safe: committed,
	 * confirmed, synced. Called at least once at the end of input. The
	 * same three answers. */
	enum outcome (*flush)(void *ctx);

	/* Both may be NULL. endpoint_pump() of what the handler writes to,
	 * often enough, in long batches too; and what else there is to do about
	 * once a second while there is nothing to read, and between the tries
	 * of a stage that waits for ever. */
	void (*pump)(void *ctx);
	void (*idle)(void *ctx);

	/* Answers. */
	enum exit_code code; /* set by whoever answers NEVER; PROG_SOFTWARE
				until then; PROG_OK for a closed pipe */
	bool ended;     /* the input was settled to its end: neither cut nor
			   given up nor left because of a signal */
	uint64_t lines; /* read so far, bad ones included */

	/* Its own. */
	int64_t resting_ms; /* a prompt one flushes no sooner */
	int64_t looked_ms;  /* when all links were pumped */
	bool busy;          /* the last batch hardly waited for its lines */
};

/* Runs until the input ends, the queue is empty (until_empty) or a signal
 * asks to stop. PROG_OK, or PROG_DATA after bad records by hand or a cut
 * input, or what the failed side says. Errors are logged. */
enum exit_code stage_run(struct stage *s);

/* For stage_run() and for the loops that are not its own. What a handler's or
 * a flush's refusal ends the program with; code is the reason of a NEVER. */
enum exit_code stage_refusal(enum outcome o, enum exit_code code);

/* What the end of the input ends the program with; errors are logged. */
enum exit_code stage_verdict(struct endpoint *in, const struct deadletter *dead,
    enum endpoint_status status);

#endif
