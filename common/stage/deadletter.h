/*
 * deadletter: keeps records that cannot be read or stored, with the reason;
 * nothing is dropped in silence. For input from a queue Q they go to the queue
 * Q.dead, one record a message:
 *
 *   {"type":"dead","program":"sink","at":"...","reason":"...",
 *    "where":"message ID line 3","record":"..."}
 *
 * ("record_base64" instead when the bytes are not UTF-8, and neither when the
 * line was too long to be read.) One warning a batch names each new cause, with
 * how many records it has; what comes of a known cause is counted, and told at
 * the end. For input from a file or pipe the reason goes to stderr, with the
 * line number, and the program ends with PROG_DATA.
 *
 * The queue is opened for the first dead letter; most runs have none.
 */
#ifndef COMMON_STAGE_DEADLETTER_H
#define COMMON_STAGE_DEADLETTER_H

#include "common/endpoint/endpoint.h"

#include <stdint.h>

/* Reasons that are told apart; further ones share the last place. */
enum { DEADLETTER_CAUSES = 20 };

struct deadletter {
	uint64_t count;      /* dead letters so far */
	enum exit_code code; /* of the last outcome that was not DONE */

	/* private */
	char *to; /* "queue:NAME.dead", "PATH.dead"; NULL: stderr */
	struct endpoint *out;
	struct endpoint_options opt;
	struct buf letter;
	struct deadletter_cause {
		char *reason, *where; /* of its first record */
		uint64_t n, told;
	} causes[DEADLETTER_CAUSES];
	size_t causes_n;
	bool reported; /* nothing is taken there, and a line said so */
};

/* in: where the records come from; its name says whether it is a queue. */
void deadletter_open(struct deadletter *d, const struct endpoint *in,
    const struct endpoint_options *opt);

/* They go to stderr, whatever the input is: of a run that changes nothing. */
void deadletter_open_shown(struct deadletter *d);

/* Adds one bad record; where: endpoint_where(). line may be NULL. When the
 * queue or file does not take it, that is logged; LATER: the same record may be
 * added again. */
enum outcome deadletter_add(struct deadletter *d, const char *where,
    const char *line, size_t len, const char *reason)
    __attribute__((warn_unused_result));

/* Only formats a dead letter, as a line without newline, for callers that keep
 * it elsewhere. *letter is cleared first. */
void deadletter_write(struct buf *letter, const char *where, const char *line,
    size_t len, const char *reason);

/* As endpoint_flush(): must be DONE before the input is acknowledged. */
enum outcome deadletter_flush(struct deadletter *d)
    __attribute__((warn_unused_result));

/* As endpoint_pump(). */
void deadletter_pump(struct deadletter *d);

/* The exit code after these dead letters: PROG_DATA when they went to stderr,
 * PROG_OK when they are in a queue or file. */
enum exit_code deadletter_code(const struct deadletter *d);

void deadletter_close(struct deadletter *d);

#endif
