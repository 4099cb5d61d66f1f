/*
 * zone: see zone.h. A file has its data twice: first in 32 bits, which is
 * passed over, then in 64; the line at its end has the rule for later years.
 */
#include "common/calendar/zone_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_MAX ((size_t)64 * 1024)

#define HEADER_LEN 44
#define TYPE_LEN 6
#define RULE_MAX 128

/* The counts of a header, in their order. */
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

/* The length of the data behind a header, 0: it is none. */
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

static bool
add_changes(struct zone *z, const unsigned char *p, const struct tz_counts *c)
{
	const unsigned char *which = p + (size_t)c->time * 8;
	const unsigned char *types = which + c->time;
	size_t i;

	z->room = c->time + (size_t)ZONE_RULE_CHANGES;
	z->changes = xcalloc(z->room, sizeof *z->changes);
	z->first = offset_of_type(types, 0);
	for (i = 0; i < c->time; i++) {
		if (which[i] >= c->type || !zone_add(z, read_be64(p + 8 * i),
					       offset_of_type(types, which[i])))
			return false;
	}
	return true;
}

/* The line behind the data: a newline, the rule, a newline. */
static bool
add_last_line(struct zone *z, const unsigned char *p, size_t len)
{
	char rule[RULE_MAX];
	const unsigned char *end;

	if (len < 2 || len > sizeof rule || p[0] != '\n')
		return false;
	end = memchr(p + 1, '\n', len - 1);
	if (end == NULL)
		return false;
	memcpy(rule, p + 1, (size_t)(end - p - 1));
	rule[end - p - 1] = '\0';
	return rule[0] == '\0' || zone_add_rule(z, rule);
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
	/* Clocks that count leap seconds are not those of the tables. */
	if (n == 0 || c.leap > 0 || !add_changes(z, p + HEADER_LEN, &c) ||
	    !add_last_line(z, p + HEADER_LEN + n, len - HEADER_LEN - n)) {
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

	/* What begins with a small letter is the host's: localtime, posix/; and
	 * Factory says that nobody has set it. */
	return len > 0 && len <= ZONE_NAME_MAX && strspn(name, others) == len &&
	       name[0] >= 'A' && name[0] <= 'Z' && name[len - 1] != '/' &&
	       strstr(name, "//") == NULL && strcmp(name, "Factory") != 0;
}

static bool
read_zone_file(const char *name, struct buf *data)
{
	char path[sizeof FOLDER + ZONE_NAME_MAX] = FOLDER;

	memcpy(path + strlen(FOLDER), name, strlen(name) + 1);
	return file_read_path(path, 0, data) == 0;
}

struct zone *
zone_open(const char *name, struct buf *why)
{
	struct buf data = { .max = FILE_MAX };
	struct zone *z = NULL;

	if (strcmp(name, "UTC") == 0)
		return xcalloc(1, sizeof *z);
	if (is_zone_name(name) && read_zone_file(name, &data))
		z = zone_read(data.data, data.len);
	if (z == NULL)
		buf_setf(why,
		    "there is no such time zone; give a name of IANA's, such "
		    "as Europe/Lisbon");
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

	while (low < high) { /* the first change after ms */
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
