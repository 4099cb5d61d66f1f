/*
 * fault: named points at which tests kill a program. They exist only in the
 * programs of build/faults, which make builds with -DFAULTS; elsewhere a point
 * is nothing. fault.def lists them.
 *
 * A point stands between two durable steps: after a kill there, the next run
 * must come to the same tables as one that was not killed.
 */
#ifndef COMMON_BASE_FAULT_H
#define COMMON_BASE_FAULT_H

#ifdef FAULTS
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

/* Ends the process by SIGKILL if the environment's FAULT asks for that at this
 * passage. Any thread may call it. */
void fault_point(const char *name);

#endif
