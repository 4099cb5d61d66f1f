/*
 * progress: a progress line on stderr that is rewritten while a long run goes
 * on; only on a terminal.
 */
#ifndef POLLER_CLIENT_PROGRESS_H
#define POLLER_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on, drawn;
	int64_t next_ms; /* when it may be drawn again, monotonic */
};

void progress_init(struct progress *p);

/* True when the line may be drawn again, so that callers compute its numbers
 * only then. */
bool progress_due(const struct progress *p);
void progress_draw(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Erases the line. */
void progress_end(struct progress *p);

#endif
