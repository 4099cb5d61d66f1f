/*
 * zone: see zone.h. A file has its data twice: first in 32 bits, which is
 * skipped, then in 64 bits; its last line has the rule for later years, which
 * is not needed.
 */
#include "common/hours/zone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

struct zone_change {
	int64_t at, after; /* in seconds; `after` is the offset from then on */
};

struct zone {
	struct zone_change *changes; /* in order; each changes the offset */
	size_t n;
	int64_t first; /* the offset before the first change */
};

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_MAX ((size_t)64 * 1024)

/* The maximum difference of any clock from UTC. */
#define OFFSET_MAX (26 * HOUR_MS)

#define HEADER_LEN 44
#define TYPE_LEN 6

/* The counts in a header, in order. */
struct tz_counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t
read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static int64_t
read_be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)read_be32(p) << 32 | read_be32(p + 4));
}

/* Returns the length of the data after a header; 0 if it is not a header. */
static size_t
read_counts(
    const unsigned char *p, size_t len, size_t time_len, struct tz_counts *c)
{
	size_t n;

	if (len < HEADER_LEN || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return 0;
	c->isut = read_be32(p + 20);
	c->isstd = read_be32(p + 24);
	c->leap = read_be32(p + 28);
	c->time = read_be32(p + 32);
	c->type = read_be32(p + 36);
	c->chars = read_be32(p + 40);
	if (c->isut > FILE_MAX || c->isstd > FILE_MAX || c->leap > FILE_MAX ||
	    c->time > FILE_MAX || c->type > FILE_MAX || c->chars > FILE_MAX ||
	    c->type == 0)
		return 0;
	n = c->time * (time_len + 1) + c->type * (size_t)TYPE_LEN + c->chars +
	    c->leap * (time_len + 4) + c->isstd + c->isut;
	return n <= len - HEADER_LEN ? n : 0;
}

static int32_t
offset_of_type(const unsigned char *types, size_t type)
{
	return (int32_t)read_be32(types + type * TYPE_LEN);
}

/* Ignores a change of only the zone's name. Returns false if the changes are
 * not in order. */
static bool
add_changes(struct zone *z, const unsigned char *p, const struct tz_counts *c)
{
	const unsigned char *which = p + (size_t)c->time * 8;
	const unsigned char *types = which + c->time;
	int64_t at, after, before;
	size_t i;

	z->changes = xcalloc(c->time, sizeof *z->changes);
	z->first = before = offset_of_type(types, 0);
	for (i = 0; i < c->time; i++) {
		at = read_be64(p + 8 * i);
		if (which[i] >= c->type ||
		    (z->n > 0 && at <= z->changes[z->n - 1].at))
			return false;
		after = offset_of_type(types, which[i]);
		if (after != before)
			z->changes[z->n++] = (struct zone_change){ at, after };
		before = after;
	}
	return true;
}

/* Reads the line after the data: a newline, the rule, a newline. A rule with
 * changes has commas. Returns false if such changes are not listed up to the
 * last year. */
static bool
is_complete(const struct zone *z, const unsigned char *p, size_t len)
{
	const int64_t last = clock_civil(ZONE_LAST_YEAR, 1, 1, 0, 0, 0);
	const unsigned char *end;

	if (len < 2 || p[0] != '\n')
		return false;
	end = memchr(p + 1, '\n', len - 1);
	return end != NULL && (memchr(p, ',', (size_t)(end - p)) == NULL ||
				  (z->n > 0 && z->changes[z->n - 1].at > last));
}

struct zone *
zone_read(const void *data, size_t len)
{
	const unsigned char *p = data;
	struct zone *z = xcalloc(1, sizeof *z);
	struct tz_counts c;
	size_t n = read_counts(p, len, 4, &c);

	if (n > 0) {
		p += HEADER_LEN + n;
		len -= HEADER_LEN + n;
		n = read_counts(p, len, 8, &c);
	}
	/* Clocks that count leap seconds differ from those of the tables. */
	if (n == 0 || c.leap > 0 || !add_changes(z, p + HEADER_LEN, &c) ||
	    !is_complete(z, p + HEADER_LEN + n, len - HEADER_LEN - n)) {
		zone_close(z);
		return NULL;
	}
	return z;
}

static bool
is_zone_name(const char *name)
{
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strlen(name);

	/* Names that begin with a small letter belong to the host: localtime,
	 * posix/; and Factory means that the zone was never set. */
	return len > 0 && len <= ZONE_NAME_MAX && strspn(name, others) == len &&
	       name[0] >= 'A' && name[0] <= 'Z' && name[len - 1] != '/' &&
	       strstr(name, "//") == NULL && strcmp(name, "Factory") != 0;
}

static bool
read_zone_file(const char *name, struct buf *data)
{
	char path[sizeof FOLDER + ZONE_NAME_MAX] = FOLDER;

	memcpy(path + strlen(FOLDER), name, strlen(name) + 1);
	return file_read_path(path, data) == 0;
}

struct zone *
zone_open(const char *name, struct buf *why)
{
	struct buf data = { .max = FILE_MAX };
	struct zone *z = NULL;

	if (strcmp(name, "UTC") == 0)
		return xcalloc(1, sizeof *z);
	if (!is_zone_name(name) || !read_zone_file(name, &data)) {
		buf_setf(why, "unknown time zone; use an IANA name such as "
			      "Europe/Lisbon");
	} else {
		z = zone_read(data.data, data.len);
		if (z == NULL)
			buf_setf(why,
			    "'" FOLDER "%s' is not a tzdata file, or does not "
			    "list the changes up to %d; build tzdata with zic "
			    "-b fat",
			    name, ZONE_LAST_YEAR);
	}
	buf_release(&data);
	return z;
}

void
zone_close(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->changes);
	free(z);
}

struct zone_span
zone_find(const struct zone *z, int64_t ms)
{
	struct zone_span s = { INT64_MIN, INT64_MAX, z->first * 1000 };
	size_t low = 0, high = z->n, middle;

	while (low < high) { /* find the first change after ms */
		middle = low + (high - low) / 2;
		if (z->changes[middle].at * 1000 <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0) {
		s.since = z->changes[low - 1].at * 1000;
		s.offset = z->changes[low - 1].after * 1000;
	}
	if (low < z->n)
		s.until = z->changes[low].at * 1000;
	return s;
}

int64_t
zone_first(const struct zone *z, int64_t local)
{
	int64_t t = local - OFFSET_MAX;
	struct zone_span s;

	for (;;) {
		s = zone_find(z, t);
		if (local - s.offset <= t)
			return t;
		if (local - s.offset < s.until)
			return local - s.offset;
		t = s.until;
	}
}

int64_t
zone_last(const struct zone *z, int64_t local)
{
	struct zone_span s = zone_find(z, local + OFFSET_MAX);

	while (local - s.offset < s.since)
		s = zone_find(z, s.since - 1);
	return local - s.offset < s.until ? local - s.offset : s.until;
}
