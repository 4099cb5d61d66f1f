/*
 * notify: notifies the manager that started a daemon (systemd, Type=notify)
 * when the daemon is ready, while it works, and when it ends. Messages are
 * datagrams to $NOTIFY_SOCKET as in sd_notify(3). libsystemd would add a
 * library to each program for three words of text.
 *
 * The manager restarts a daemon that has sent nothing for WatchdogSec. Each
 * working thread calls notify_alive(): in its loops, at each statement to the
 * database, and while it waits for an unavailable server, which does not count
 * as a hang. The manager is notified only if each of them has called within
 * half of WatchdogSec, so no single wait, including time-outs of servers, may
 * take longer.
 *
 * Without daemon_init(), or without a manager, all functions do nothing. Any
 * thread may call them.
 */
#ifndef COMMON_OS_NOTIFY_H
#define COMMON_OS_NOTIFY_H

/* Makes the program a daemon, which runs without a terminal until it is
 * stopped. Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Log lines get
 * the time, unless they go to the journal, which adds it (log.h). Call once,
 * before threads are created. */
void daemon_init(void);

/* The daemon is ready: it serves, or consumes its input. Only the first call
 * counts. */
void notify_ready(void);

/* The calling thread is making progress. Cheap, and does not wait; notifies the
 * manager at most four times in WatchdogSec. */
void notify_alive(void);

/* The calling thread waits for work, for any time, or ends. */
void notify_idle(void);

/* The calling thread does optional work. Its progress does not show that the
 * other threads work, so it is not reported to the manager. */
void notify_aside(void);

/* The daemon ends because it was asked to. Only the first call counts. */
void notify_stopping(void);

#endif
