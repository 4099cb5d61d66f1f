/*
 * notify: tells the manager that started a daemon (systemd, Type=notify) when
 * it is ready, that it still works, and that it ends. Messages are datagrams to
 * $NOTIFY_SOCKET as in sd_notify(3). libsystemd would add a library to each
 * program for three words of text.
 *
 * The manager restarts a daemon from which it has not heard for WatchdogSec.
 * Each thread with work calls notify_alive(): in the loops that do the work, at
 * each statement to the database, and while it waits for a server that is away,
 * which is not a hang. The manager is told only if each of them has called
 * within half of WatchdogSec, so no single wait, including time-outs of
 * servers, may take longer.
 *
 * Without daemon_init(), or without a manager, all functions do nothing. Any
 * thread may call them.
 */
#ifndef COMMON_OS_NOTIFY_H
#define COMMON_OS_NOTIFY_H

/* Makes the program a daemon, which runs without a terminal until it is
 * stopped. Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Log lines get
 * the time, unless they go to the journal, which adds it (log.h). SIGHUP does
 * not end a daemon: one line says that the configuration is only read at start.
 * With a terminal, SIGHUP means that it was closed, and the program stops as on
 * SIGTERM. Under nohup(1) SIGHUP stays ignored. Call once, after stop_init()
 * and before threads are made. */
void daemon_init(void);

/* The daemon is ready: it serves, or consumes its input. Only the first call
 * counts. */
void notify_ready(void);

/* The calling thread is making progress. Cheap, and does not wait; tells the
 * manager at most four times in WatchdogSec. */
void notify_alive(void);

/* The calling thread waits for work, however long that takes, or ends. */
void notify_idle(void);

/* The calling thread does optional work: its progress says nothing about the
 * other threads, so it is not reported to the manager. */
void notify_aside(void);

/* The daemon is ending because it was asked to. Only the first call counts. */
void notify_stopping(void);

#endif
