/*
 * stop: SIGTERM and SIGINT ask a program to finish what is in hand and leave
 * with 0. The handler sets one flag; every wait in the project is bounded and
 * looks at it. What libraries wait for (an answer, a name) may take longer than
 * whoever stops us wants to wait: after STOP_WITHIN_S seconds the process ends
 * where it is, with one line and 75, which is as safe as kill -9. SIGPIPE and
 * SIGXFSZ are ignored, so that EPIPE and EFBIG arrive as ordinary errors.
 */
#ifndef COMMON_BASE_STOP_H
#define COMMON_BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

enum { STOP_WITHIN_S = 8 };

/* Installs the handlers, without SA_RESTART so that waits end at once. */
void stop_init(void);

/* True once a signal asked us to leave. */
bool stop_asked(void);

/* Sleeps for ms milliseconds, less if asked to stop. True when the sleep was
 * cut short by that. */
bool stop_sleep(int64_t ms);

/* Sets (or, in tests, takes back) the request to stop. */
void stop_set(bool asked);

#endif
