/*
 * random: see random.h.
 */
#include "common/digest/random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "common/base/log.h"
#include "common/base/prog.h"

void
random_fill(void *to, size_t len)
{
	unsigned char *p = to;
	ssize_t n;

	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			prog_die(PROG_TEMPFAIL,
			    "cannot get random bytes: %s; allow the system "
			    "call getrandom",
			    n < 0 ? log_errno(errno) : "it returned no bytes");
		p += n;
		len -= (size_t)n;
	}
}

uint32_t
random_32(void)
{
	uint32_t n;

	random_fill(&n, sizeof n);
	return n;
}

uint64_t
random_64(void)
{
	uint64_t n;

	random_fill(&n, sizeof n);
	return n;
}
