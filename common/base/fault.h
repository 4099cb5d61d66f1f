/*
 * fault: named points at which tests kill a program. Fault points exist only in
 * the programs in build/faults, which are built with -DFAULTS; elsewhere they
 * do nothing. fault.def lists them.
 *
 * A point is between two durable steps: after a kill there, the next run must
 * produce the same tables as an uninterrupted run.
 */
#ifndef COMMON_BASE_FAULT_H
#define COMMON_BASE_FAULT_H

#ifdef FAULTS
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

/* Kills the process with SIGKILL, or freezes it with SIGSTOP, if the
 * environment variable FAULT requests it: NAME[:PASSAGE[:stop]]. Any thread may
 * call it. */
void fault_point(const char *name);

#endif
