/*
 * deadletter: where a record goes that cannot be read or stored, with the
 * reason; nothing is dropped in silence. For input from a queue Q that is the
 * queue Q.dead, one record a letter:
 *
 *   {"type":"dead","program":"sink","at":"...","reason":"...","record":"..."}
 *
 * ("record_base64" instead when the bytes are not UTF-8, and nothing of it
 * when the line was too long to be read.) By hand it is stderr, with the line
 * number, and the program ends with PROG_DATA.
 */
#ifndef COMMON_DEADLETTER_H
#define COMMON_DEADLETTER_H

#include "common/endpoint.h"

#include <stdint.h>

struct deadletter {
	struct endpoint *out; /* NULL: stderr */
	const char *program;
	uint64_t count;
};

/* in is where the records come from (its name decides). 0, or -1 with *why
 * and *code. */
int deadletter_open(struct deadletter *d, const struct endpoint *in,
    const struct endpoint_options *opt, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* One bad record; where is endpoint_where(). line may be NULL. */
int deadletter_add(struct deadletter *d, const char *where, const char *line,
    size_t len, const char *reason) __attribute__((warn_unused_result));

/* As endpoint_flush(): must be DONE before the input is acknowledged. */
enum outcome deadletter_flush(struct deadletter *d)
    __attribute__((warn_unused_result));

void deadletter_close(struct deadletter *d);

#endif
