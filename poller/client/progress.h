/*
 * progress: one line on stderr, rewritten, while long work goes on; only on a
 * terminal.
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

/* True when it is time to draw: what to show need not be found out else. */
bool progress_due(const struct progress *p);
void progress_draw(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
