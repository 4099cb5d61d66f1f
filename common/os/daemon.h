/*
 * daemon: what a program does otherwise while it runs for ever, without
 * anybody at a terminal. Its lines bear the time, which the journal adds by
 * itself (log.h). SIGHUP does not end it: the configuration is read at the
 * start only, and it says so in one line. Where it has a terminal after all,
 * SIGHUP means that this has gone, and it leaves as on SIGTERM; what nohup(1)
 * ignores stays ignored.
 */
#ifndef COMMON_OS_DAEMON_H
#define COMMON_OS_DAEMON_H

/* Call once, behind stop_init(), before threads are made. */
void daemon_init(void);

#endif
