/*
 * deadletter: where a record goes that cannot be read or stored, with the
 * reason; nothing is dropped in silence. For input from a queue Q that is the
 * queue Q.dead, one record a letter:
 *
 *   {"type":"dead","program":"sink","at":"...","reason":"...",
 *    "where":"message ID line 3","record":"..."}
 *
 * ("record_base64" instead when the bytes are not UTF-8, and nothing of it
 * when the line was too long to be read.) By hand it is stderr, with the line
 * number, and the program ends with PROG_DATA.
 *
 * The queue is opened with the first letter; most runs have none.
 */
#ifndef COMMON_ENDPOINT_DEADLETTER_H
#define COMMON_ENDPOINT_DEADLETTER_H

#include "common/endpoint/endpoint.h"

#include <stdint.h>

struct deadletter {
	uint64_t count;      /* of letters so far */
	enum exit_code code; /* of the last answer that was not DONE */

	/* private */
	char *queue; /* "queue:NAME.dead"; NULL: stderr */
	struct endpoint *out;
	struct endpoint_options opt;
	struct buf letter;
	bool reported; /* that the queue does not take it */
};

/* in is where the records come from (its name decides). */
void deadletter_open(struct deadletter *d, const struct endpoint *in,
    const struct endpoint_options *opt);

/* One bad record; where is endpoint_where(). line may be NULL. When the queue
 * cannot take it that is logged, with the way out; LATER: the same record may
 * be added again. */
enum outcome deadletter_add(struct deadletter *d, const char *where,
    const char *line, size_t len, const char *reason)
    __attribute__((warn_unused_result));

/* The letter itself, a line without its newline; *letter is cleared first. For
 * who keeps letters by other ways. */
void deadletter_write(struct buf *letter, const char *where, const char *line,
    size_t len, const char *reason);

/* As endpoint_flush(): must be DONE before the input is acknowledged. */
enum outcome deadletter_flush(struct deadletter *d)
    __attribute__((warn_unused_result));

/* As endpoint_pump(). */
void deadletter_pump(struct deadletter *d);

/* What a program ends with after these letters: PROG_DATA by hand, PROG_OK
 * when they are safe in a queue. */
enum exit_code deadletter_code(const struct deadletter *d);

void deadletter_close(struct deadletter *d);

#endif
