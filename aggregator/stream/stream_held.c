/*
 * stream_held: the rows of a flush, which are held back until its commit and
 * then written in parts: what is passed through meanwhile waits for one of them
 * at most, in the output and in the database, and not for all rows.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

#include "common/base/clock.h"

/* A part is so long, some 80 rows, or an eighth of all. */
#define PART_BYTES ((size_t)32 << 10)
#define PARTS 8
/* Between two of them over a queue, where nothing tells when one is stored. */
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

/* The part before is stored, so that a sink which stores one does not read the
 * next one, and what is passed through behind it, too early. */
static bool
is_part_due(const struct stream *s)
{
	return s->held.marked ? endpoint_flush_done(s->out, s->held.mark)
			      : clock_mono_ms() >= s->held.next_ms;
}

/* What was written last becomes what the next part waits for. */
static void
mark_part(struct stream *s)
{
	s->held.marked = endpoint_unix_path(endpoint_name(s->out)) != NULL &&
			 endpoint_flush_begin(s->out, &s->held.mark);
	if (s->held.marked)
		return;
	(void)endpoint_send(s->out);
	s->held.next_ms = clock_mono_ms() + PART_MS;
}

int
stream_write_held(struct stream *s, bool all)
{
	size_t part = s->held.lines.len / PARTS + 1;
	int rc;

	if (!all && !is_part_due(s))
		return 0;
	if (all)
		part = s->held.lines.len;
	else if (part < PART_BYTES)
		part = PART_BYTES;
	/* What was passed through goes by itself, before and after. */
	(void)endpoint_send(s->out);
	rc = write_part(s, part);
	mark_part(s);
	if (rc != 0)
		return -1;
	if (s->held.at < s->held.lines.len)
		return 0;
	buf_clear(&s->held.lines);
	s->held.at = 0;
	s->held.next_ms = 0;
	s->held.marked = false;
	return 1;
}
