/*
 * One unit-test program per product program. It runs every file of the
 * program's folder in tests/unit, whose entry has the file's name, or only
 * those that are named in the arguments. Each file runs in a process of its
 * own, so none depends on the environment, folder or memory that another one
 * left.
 *
 * make writes the file UNITS, which has UNIT(name) for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT(name) int name(void);
#include UNITS
#undef UNIT

static const struct {
	const char *name;
	int (*run)(void);
} units[] = {
#define UNIT(name) { #name, name },
#include UNITS
};

static int
run_apart(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		exit(run() == 0 ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	size_t i;
	int ran = 0, failed = 0, a;

	for (i = 0; i < sizeof units / sizeof units[0]; i++) {
		for (a = 1; a < argc; a++)
			if (strcmp(argv[a], units[i].name) == 0)
				break;
		if (argc > 1 && a == argc)
			continue;
		ran++;
		if (run_apart(units[i].run) != 0) {
			failed++;
			printf("FAILED: %s\n", units[i].name);
		}
		fflush(stdout);
	}
	printf("%d units, %d failed\n", ran, failed);
	return ran == 0 || failed > 0;
}
