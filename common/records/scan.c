/*
 * scan: see scan.h.
 */
#include "common/records/scan.h"

#include <string.h>

void
scan_init(struct scan *s)
{
	memset(s, 0, sizeof *s);
	s->flat.keep = true;
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
	arena_clear(&s->flat.copies);
	s->at = block;
	s->end = block + len;
}

size_t
scan_rest(const struct scan *s, const char **at)
{
	*at = s->at;
	return (size_t)(s->end - s->at);
}

int
scan_record(struct scan *s, struct record *r)
{
	if (s->at == s->end)
		return 0;
	s->line = s->at;
	s->at = (const char *)memchr(s->at, '\n', (size_t)(s->end - s->at)) + 1;
	s->len = (size_t)(s->at - s->line) - 1;
	buf_clear(&s->why);
	return record_parse(r, &s->flat, s->line, s->len, &s->why) == 0 ? 1
									: -1;
}
