/*
 * fault: see fault.h.
 */
#include "common/base/fault.h"

/* The normal build has no code here, but C requires a declaration. */
typedef int fault_is_for_tests;

#ifdef FAULTS

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/prog.h"

#define POINT(name, durable) name,
static const char *const points[] = {
#include "common/base/fault.def"
};

static void
check_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof points / sizeof points[0]; i++)
		if (strlen(points[i]) == len &&
		    memcmp(points[i], name, len) == 0)
			return;
	prog_die(PROG_SOFTWARE, "no fault point '%s' in fault.def", name);
}

/* Reads PASSAGE[:stop]; returns the signal. */
static int
read_request(const char *asked, int64_t *passage)
{
	size_t n = strcspn(asked, ":");
	char number[12] = "";

	if (n < sizeof number)
		memcpy(number, asked, n);
	if (parse_int(number, 1, INT_MAX, passage) != 0 ||
	    (asked[n] != '\0' && strcmp(asked + n, ":stop") != 0))
		prog_die(PROG_SOFTWARE,
		    "FAULT: '%s' is not PASSAGE or PASSAGE:stop", asked);
	return asked[n] == '\0' ? SIGKILL : SIGSTOP;
}

void
fault_point(const char *name)
{
	static atomic_int passed;
	const char *asked = getenv("FAULT");
	size_t len = strlen(name);
	int64_t passage = 1;
	int what = SIGKILL;

	check_name(name, len);
	if (asked == NULL)
		return;
	check_name(asked, strcspn(asked, ":"));
	if (strncmp(asked, name, len) != 0 ||
	    (asked[len] != '\0' && asked[len] != ':'))
		return;
	if (asked[len] == ':')
		what = read_request(asked + len + 1, &passage);
	if (atomic_fetch_add(&passed, 1) + 1 == passage)
		(void)raise(what);
}

#endif
