/*
 * measure FILE COMMAND...: runs the command and writes what it used to FILE as
 * one JSON object: its exit code (128 + number after a signal), seconds of wall
 * clock and CPU, and peak memory in KiB. Ends with the same code.
 *
 * It is small on purpose: the kernel counts the memory of the process that
 * calls exec as part of the peak of the program that follows, so a large test
 * driver cannot measure a small program by itself. SIGTERM and SIGINT are
 * passed on; the command does not outlive measure.
 */
#define _DEFAULT_SOURCE /* wait4 */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"

static volatile sig_atomic_t child;

static void
pass_on(int sig)
{
	if (child > 0)
		kill((pid_t)child, sig);
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int
report(const char *path, int code, int64_t wall_ms, const struct rusage *used)
{
	FILE *f = fopen(path, "w");

	if (f == NULL) {
		perror(path);
		return -1;
	}
	fprintf(f,
	    "{\"code\":%d,\"wall\":%.3f,\"user\":%.3f,\"system\":%.3f,"
	    "\"peak_kib\":%ld}\n",
	    code, (double)wall_ms / 1e3, seconds(used->ru_utime),
	    seconds(used->ru_stime), used->ru_maxrss);
	return fclose(f);
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = pass_on };
	struct rusage used;
	int64_t start = clock_mono_ms();
	int status, code;

	if (argc < 3) {
		fprintf(stderr, "usage: measure FILE COMMAND...\n");
		return 64;
	}
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	while (wait4((pid_t)child, &status, 0, &used) < 0)
		if (errno != EINTR)
			return 70;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (report(argv[1], code, clock_mono_ms() - start, &used) != 0)
		return 73;
	return code;
}
