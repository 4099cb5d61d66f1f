/*
 * notify: tells the manager that started a daemon (systemd, Type=notify) when
 * it is ready, that it still works, and that it ends: datagrams to
 * $NOTIFY_SOCKET, as sd_notify(3) describes them. They are three words of text;
 * libsystemd would be one more library in each program for that.
 *
 * The manager restarts a daemon of which it has heard nothing for WatchdogSec.
 * Each thread that has work says that it goes on: in the loops that do the
 * work, at each statement to the database, and in each turn of a wait for a
 * server that is away, which is not a hang. The manager is told only while each
 * of them has gone on within half of WatchdogSec. So no single wait, time-outs
 * of servers included, may take longer than that.
 *
 * Without daemon_init(), or without a manager, all functions do nothing. Any
 * thread may call them.
 */
#ifndef COMMON_OS_NOTIFY_H
#define COMMON_OS_NOTIFY_H

/* Makes a daemon of the program, which runs for ever without a terminal: reads
 * NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; log lines have the time,
 * unless they go to the journal, which adds it (log.h). SIGHUP does not end it:
 * one line says that the configuration is read at the start only. With a
 * terminal SIGHUP means that the terminal has gone, and the program stops as on
 * SIGTERM. Under nohup(1) SIGHUP stays ignored. Call once, after stop_init(),
 * before threads are made. */
void daemon_init(void);

/* It serves, or consumes its input. Only the first call counts. */
void notify_ready(void);

/* The calling thread goes on. Cheap, and does not wait; tells the manager four
 * times in WatchdogSec at most. */
void notify_alive(void);

/* The calling thread waits for work, for as long as none comes, or ends. */
void notify_idle(void);

/* The calling thread does work that the daemon can go without: that it goes on
 * does not say that the others do, so it does not tell the manager. */
void notify_aside(void);

/* It was asked to end, and does. Only the first call counts. */
void notify_stopping(void);

#endif
