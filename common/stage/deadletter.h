/*
 * deadletter: keeps records that cannot be read or stored, with the reason;
 * nothing is dropped silently. For input from a queue Q they go to the queue
 * Q.dead, one record per message:
 *
 *   {"type":"dead","program":"sink","at":"...","reason":"...",
 *    "where":"message ID line 3","record":"..."}
 *
 * ("record_base64" if the bytes are not UTF-8; neither if the line was too long
 * to read.) One warning per batch names each new cause and the number of its
 * records; records with a known cause are counted, and reported at the end. For
 * input from a file or pipe the reason goes to stderr with the line number, and
 * the program exits with PROG_DATA.
 *
 * The queue is opened for the first dead letter; most runs have none.
 */
#ifndef COMMON_STAGE_DEADLETTER_H
#define COMMON_STAGE_DEADLETTER_H

#include "common/endpoint/endpoint.h"

#include <stdint.h>

/* Number of reasons that are counted separately; all further ones share the
 * last entry. */
enum { DEADLETTER_CAUSES = 20 };

struct deadletter {
	uint64_t count;      /* number of dead letters */
	enum exit_code code; /* for the last outcome that was not DONE */

	/* private */
	char *to; /* "queue:NAME.dead"; NULL: stderr */
	struct endpoint *out;
	struct endpoint_options opt;
	struct buf letter;
	struct deadletter_cause {
		char *reason, *where; /* of the first record with this cause */
		uint64_t n, told;
	} causes[DEADLETTER_CAUSES];
	size_t causes_n;
	bool reported; /* the destination accepts nothing, which has been
			* logged */
};

/* in: the source of the records; its name says whether it is a queue. Without
 * this call, a zeroed struct puts all dead letters on stderr, for a run that
 * changes nothing. */
void deadletter_open(struct deadletter *d, const struct endpoint *in,
    const struct endpoint_options *opt);

/* Adds one bad record; where: endpoint_where(). line may be NULL. Waits for the
 * queue as its options say: without limit (wait_forever), or until [amqp]
 * wait_timeout has passed, and not after a request to stop. If the queue does
 * not accept the record by then, this is logged, and the caller must stop. */
enum outcome deadletter_add(struct deadletter *d, const char *where,
    const char *line, size_t len, const char *reason)
    __attribute__((warn_unused_result));

/* Only formats a dead letter, as a line without newline, for callers that store
 * it elsewhere. *letter is cleared first. */
void deadletter_write(struct buf *letter, const char *where, const char *line,
    size_t len, const char *reason);

/* Like endpoint_flush(): must return DONE before the input is acknowledged. */
enum outcome deadletter_flush(struct deadletter *d)
    __attribute__((warn_unused_result));

/* Like endpoint_pump(). */
void deadletter_pump(struct deadletter *d);

/* Returns the exit code after these dead letters: PROG_DATA if they went to
 * stderr, PROG_OK if they are in a queue. */
enum exit_code deadletter_code(const struct deadletter *d);

void deadletter_close(struct deadletter *d);

#endif
