/*
 * stop: SIGTERM, SIGINT and SIGHUP ask a program to finish its current work and
 * to exit with 0; under nohup(1), SIGHUP stays ignored. The handler sets a
 * flag; every wait in the project is bounded and checks it. A library may wait
 * longer (for a server's answer or a host name). STOP_WITHIN_S seconds after
 * the signal, the process ends in any state, with one line and exit code 75,
 * which is as safe as kill -9. SIGPIPE and SIGXFSZ are ignored, so that EPIPE
 * and EFBIG arrive as ordinary errors.
 */
#ifndef COMMON_OS_STOP_H
#define COMMON_OS_STOP_H

#include <stdbool.h>
#include <stdint.h>

enum { STOP_WITHIN_S = 8 };

/* Installs the handlers, without SA_RESTART so that waits end at once. */
void stop_init(void);

/* True once a signal has asked the program to stop. */
bool stop_asked(void);

/* Returns the time until the process is killed; INT64_MAX if there was no
 * request. */
int64_t stop_left_ms(void);

/* Sleeps for ms milliseconds, less if asked to stop, and then returns true. A
 * thread that sleeps here does not count as hanging (notify.h). */
bool stop_sleep(int64_t ms);

/* Sets the request to stop, without the time limit that follows a signal; tests
 * clear it. */
void stop_set(bool asked);

#endif
