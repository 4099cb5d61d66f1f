/*
 * fuzz_queue: reads the body of a message, with many lines, some broken and
 * some too long, as a queue's reader does, and as a pipe's reader does that
 * receives it in pieces of any size. Regardless of where blocks end, the result
 * must be the same as line by line.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/lines.h"
#include "common/records/scan.h"

/* The lines that were read: for each line, a number made from all its
 * values. */
struct story {
	uint64_t *lines;
	size_t n, cap;
	size_t good; /* how many of the lines are records */
	bool cut;    /* it ended within a line */
};

#define TOO_LONG 1

static void
make(uint64_t *random, struct buf *input)
{
	size_t n = 1 + fuzz_below(random, 100);

	while (n-- > 0) {
		if (fuzz_below(random, 50) != 0)
			fuzz_line(random, input);
		if (n > 0 || fuzz_chance(random, 50))
			buf_addc(input, '\n');
	}
	if (input->len == 0)
		buf_addc(input, '\n');
}

static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len-- > 0)
		hash = (hash ^ *p++) * UINT64_C(0x100000001B3);
	return hash;
}

static uint64_t
mix_field(uint64_t hash, const struct record_field *f, const struct record *r)
{
	const void *at = (const char *)r + f->offset;
	const struct text *t = at;

	switch (f->kind) {
	case FIELD_TENANT:
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_JSON:
		hash = mix(hash, &t->len, sizeof t->len);
		return t->p != NULL ? mix(hash, t->p, t->len) : hash;
	case FIELD_TIME:
	case FIELD_COUNT:
		return mix(hash, at, sizeof(int64_t));
	case FIELD_FLAG:
		return mix(hash, at, sizeof(bool));
	case FIELD_STATE:
	case FIELD_STATUS:
	case FIELD_FROM:
		return mix(hash, at, sizeof(int));
	}
	return hash;
}

static void
tell(struct story *s, const struct record *r, const struct buf *why)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);
	size_t i;

	if (r == NULL) {
		hash = mix(hash, buf_str(why), why->len);
	} else {
		s->good++;
		hash = mix(hash, &r->type, sizeof r->type);
		for (i = 0; i < record_fields_n; i++)
			hash = mix_field(hash, &record_fields[i], r);
	}
	XGROW(s->lines, s->n, s->cap);
	s->lines[s->n++] = hash;
}

static void
tell_too_long(struct story *s)
{
	XGROW(s->lines, s->n, s->cap);
	s->lines[s->n++] = TOO_LONG;
}

/* The expected result, line by line. A last line without a newline counts only
 * if the end of the body ends a line. */
static void
by_line(struct story *s, const char *p, size_t len, size_t max_line, bool queue)
{
	static struct flat flat;
	static struct buf why;
	const char *end = p + len, *nl;
	struct record r;
	char *line;
	size_t n;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		s->cut = nl == NULL;
		if (nl == NULL && !queue)
			break;
		nl = nl != NULL ? nl : end;
		n = (size_t)(nl - p);
		if (n > max_line) {
			tell_too_long(s);
			continue;
		}
		line = fuzz_copy(p, n);
		buf_clear(&why);
		tell(s, record_parse(&r, &flat, line, n, &why) == 0 ? &r : NULL,
		    &why);
		fuzz_free(line);
	}
}

static void
tell_block(struct story *s, struct scan *scan, const char *block, size_t len)
{
	struct record r;
	int rc;

	scan_block(scan, block, len);
	while ((rc = scan_record(scan, &r)) != 0)
		tell(s, rc == 1 ? &r : NULL, &scan->why);
}

/* As endpoint_amqp_read.c cuts a body. */
static void
by_body(struct story *s, struct scan *scan, const char *p, size_t len,
    size_t max_line)
{
	const char *nl;
	size_t n;

	while (len > 0) {
		n = lines_within(p, len, max_line);
		if (n > 0) {
			tell_block(s, scan, p, n);
		} else {
			nl = memchr(p, '\n', len);
			n = (size_t)(nl - p) + 1;
			tell_too_long(s);
		}
		p += n;
		len -= n;
	}
}

/* Reads all that is available; false at the end. */
static bool
read_blocks(struct story *s, struct scan *scan, struct lines *l)
{
	char *block;
	size_t len;

	for (;;) {
		switch (lines_block(l, &block, &len, 0)) {
		case LINE_OK:
			tell_block(s, scan, block, len);
			break;
		case LINE_TOOLONG:
			tell_too_long(s);
			break;
		case LINE_WAIT:
			return true;
		case LINE_CUT:
			s->cut = true;
			return false;
		case LINE_END:
		case LINE_ERROR:
			return false;
		}
	}
}

/* Through a pipe, in pieces. */
static void
by_pipe(struct story *s, struct scan *scan, const char *p, size_t len,
    size_t max_line, uint64_t *random)
{
	struct lines lines;
	size_t n;
	int fd[2];

	if (pipe(fd) != 0)
		return;
	lines_init(&lines, fd[0], max_line);
	while (len > 0) {
		n = 1 +
		    fuzz_below(random, fuzz_chance(random, 30) ? 200 : 60000);
		n = n < len ? n : len;
		if (write(fd[1], p, n) != (ssize_t)n)
			break;
		p += n;
		len -= n;
		(void)read_blocks(s, scan, &lines);
	}
	close(fd[1]);
	while (read_blocks(s, scan, &lines))
		;
	lines_release(&lines);
	close(fd[0]);
}

static bool
equal(const struct story *a, const struct story *b)
{
	return a->n == b->n && a->cut == b->cut &&
	       (a->n == 0 ||
		   memcmp(a->lines, b->lines, a->n * sizeof *a->lines) == 0);
}

static const char *
check(const char *input, size_t len, struct fuzz_count *count)
{
	static const size_t limits[] = { RECORD_MAX_LINE, 300, 2000, 40 };
	static struct story want, got;
	uint64_t random = mix(len, input, len < 100 ? len : 100) | 1;
	size_t max_line = limits[fuzz_below(&random, ARRAY_LEN(limits))];
	const char *wrong = NULL;
	bool ended = input[len - 1] == '\n';
	struct scan scan;
	char *body;

	scan_init(&scan);
	body = fuzz_copy(input, len + !ended);
	body[len - ended] = '\n';
	want.n = want.good = got.n = 0;
	want.cut = got.cut = false;
	by_line(&want, input, len, max_line, true);
	by_body(&got, &scan, body, len + !ended, max_line);
	got.cut = want.cut;
	if (!equal(&want, &got))
		wrong = "as a message it is read otherwise";
	want.n = want.good = got.n = 0;
	want.cut = got.cut = false;
	by_line(&want, input, len, max_line, false);
	by_pipe(&got, &scan, input, len, max_line, &random);
	if (wrong == NULL && !equal(&want, &got))
		wrong = "through a pipe it is read otherwise";
	count->good += want.good;
	count->bad += want.n - want.good;
	scan_release(&scan);
	fuzz_free(body);
	return wrong;
}

static const struct fuzz_target target = { "queue", make, check, 0.50 };

FUZZ_MAIN(&target)
