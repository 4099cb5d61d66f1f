/*
 * stream_held: the rows of a flush, which are held back until its commit and
 * then written in parts: what is passed through meanwhile waits for one of them
 * at most, in the output and in the database, and not for all rows.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

#include "common/base/clock.h"

/* A part is so long, some 300 rows, or a third of all. */
#define PART_BYTES ((size_t)128 << 10)
#define PARTS 3
/* Between two of them. */
#define PART_MS 6

int
stream_write_row(struct stream *s, const char *line, size_t len)
{
	s->counts.rows++;
	return endpoint_write(s->out, line, len);
}

void
stream_hold(struct stream *s, const char *line, size_t len)
{
	buf_add(&s->held.lines, line, len);
	buf_addc(&s->held.lines, '\n');
}

/* Writes whole lines of at least so many bytes, if there are so many. */
static int
write_part(struct stream *s, size_t bytes)
{
	const struct buf *lines = &s->held.lines;
	size_t end = s->held.at + bytes, len;
	const char *line;
	int rc = 0;

	while (rc == 0 && s->held.at < lines->len && s->held.at < end) {
		line = lines->data + s->held.at;
		len = (size_t)((char *)memchr(
				   line, '\n', lines->len - s->held.at) -
			       line);
		rc = stream_write_row(s, line, len);
		s->held.at += len + 1;
	}
	return rc;
}

int
stream_write_held(struct stream *s, bool all)
{
	size_t part = s->held.lines.len / PARTS + 1;
	int64_t now = clock_mono_ms();
	int rc;

	if (!all && now < s->held.next_ms)
		return 0;
	if (all)
		part = s->held.lines.len;
	else if (part < PART_BYTES)
		part = PART_BYTES;
	/* What was passed through goes by itself, before and after. */
	(void)endpoint_send(s->out);
	rc = write_part(s, part);
	(void)endpoint_send(s->out);
	s->held.next_ms = now + PART_MS;
	if (rc != 0)
		return -1;
	if (s->held.at < s->held.lines.len)
		return 0;
	buf_clear(&s->held.lines);
	s->held.at = 0;
	s->held.next_ms = 0;
	return 1;
}
