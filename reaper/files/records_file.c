/*
 * records_file: see records_file.h.
 */
#include "reaper/files/records_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/text/flat.h"
#include "reaper/files/line_reader.h"

/* Whether it begins as gzip, xz, zstd or bzip2 write. */
static bool
is_compressed(int fd)
{
	static const struct {
		const char *bytes;
		size_t len;
	} begins[] = { { "\x1f\x8b", 2 }, { "\xfd\x37zXZ", 5 },
		{ "\x28\xb5\x2f\xfd", 4 }, { "BZh", 3 } };
	char head[8];
	ssize_t n = pread(fd, head, sizeof head, 0);
	size_t i;

	for (i = 0; i < ARRAY_LEN(begins); i++)
		if (n >= (ssize_t)begins[i].len &&
		    memcmp(head, begins[i].bytes, begins[i].len) == 0)
			return true;
	return false;
}

static enum exit_code
refuse(const char *path, const char *reason, struct buf *why)
{
	buf_setf(why, "'%s' is not a file of records: %s", path, reason);
	return PROG_DATA;
}

/* Whether it may be what a write left that did not reach its end. */
static bool
is_remainder(const struct line_reader *r, bool binary)
{
	return binary || (r->unended && r->line[0] == '{');
}

static enum exit_code
check_lines(int fd, const char *path, bool ours, struct buf *why)
{
	struct flat flat = FLAT_INIT;
	bool other = false, json = false, binary, refused = false;
	struct line_reader r;

	line_reader_init(&r, fd, path);
	while (!refused && line_reader_next(&r, why)) {
		binary = memchr(r.line, '\0', r.len) != NULL;
		refused = binary && !ours;
		other = other || (r.len > 0 && !is_remainder(&r, binary));
		json = json || flat_parse(&flat, r.line, r.len, NULL) == 0;
	}
	if (refused)
		r.code = refuse(path,
		    "it has NUL bytes; name a file of lines, unpacked", why);
	else if (r.code == PROG_OK && other && !json)
		r.code = refuse(path, "no line of it is JSON", why);
	line_reader_release(&r);
	flat_release(&flat);
	return r.code;
}

enum exit_code
records_file_check(const char *path, bool ours, struct buf *why)
{
	int fd = line_reader_open(path);
	enum exit_code code;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK
				       : line_reader_explain_open(path, why);
	code = is_compressed(fd)
		   ? refuse(path, "it is compressed; unpack it first", why)
		   : check_lines(fd, path, ours, why);
	(void)close(fd);
	return code;
}
