/*
 * newlines: only counts lines, to show the cost of reading alone.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/peers/figures.h"

static unsigned long lines;

static void
each(char *block, size_t len)
{
	const char *end = block + len, *p = block;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
}

int
main(void)
{
	peer_blocks(each);
	printf("%lu\n", lines);
	return 0;
}
