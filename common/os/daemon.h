/*
 * daemon: settings of a program that runs for ever without a terminal. Its log
 * lines have the time, unless they go to the journal, which adds it (log.h).
 * SIGHUP does not end it: one line says that the configuration is read at the
 * start only. With a terminal SIGHUP means that the terminal has gone, and the
 * program stops as on SIGTERM. Under nohup(1) SIGHUP stays ignored.
 * The manager that started it is told how it is (notify.h).
 */
#ifndef COMMON_OS_DAEMON_H
#define COMMON_OS_DAEMON_H

/* Call once, after stop_init(), before threads are made. */
void daemon_init(void);

#endif
