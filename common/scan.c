/*
 * scan: see scan.h.
 */
#include "common/scan.h"

#include <string.h>

void
scan_init(struct scan *s)
{
	memset(s, 0, sizeof *s);
}

void
scan_release(struct scan *s)
{
	flat_release(&s->flat);
	buf_release(&s->why);
}

void
scan_block(struct scan *s, const char *block, size_t len)
{
	s->at = block;
	s->end = block + len;
}

int
scan_record(struct scan *s, struct record *r)
{
	const char *nl;

	if (s->at == s->end)
		return 0;
	nl = memchr(s->at, '\n', (size_t)(s->end - s->at));
	s->line = s->at;
	s->len = (size_t)((nl != NULL ? nl : s->end) - s->at);
	s->at = nl != NULL ? nl + 1 : s->end;
	s->flat.n = 0;
	s->slow++;
	return record_parse(r, &s->flat, s->line, s->len, &s->why) == 0 ? 1
									: -1;
}
