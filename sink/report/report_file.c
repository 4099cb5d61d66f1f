/*
 * report_file: the file of a report; see report.h.
 */
#include "sink/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "sink/report/page.h"

static const struct {
	const char *suffix; /* of files with that form */
	enum report_form form;
} forms[] = {
	{ ".html", REPORT_HTML },
	{ ".htm", REPORT_HTML },
	{ ".csv", REPORT_CSV },
};

enum report_form
report_form_of(const char *path)
{
	size_t i, len = strlen(path), n;

	for (i = 0; i < ARRAY_LEN(forms); i++) {
		n = strlen(forms[i].suffix);
		if (len > n && strcmp(path + len - n, forms[i].suffix) == 0)
			return forms[i].form;
	}
	return REPORT_BY_NAME;
}

/* Sets *is if the open file is empty or begins as a report does. Returns -1
 * with errno if it cannot be read. */
static int
may_be_replaced(int fd, enum report_form form, bool *is)
{
	const char *want = form == REPORT_CSV ? REPORT_CSV_BEGIN : PAGE_BEGIN;
	size_t len = strlen(want);
	struct buf got = BUF_INIT;
	struct stat st;
	int rc;

	if (fstat(fd, &st) == -1)
		return -1;
	*is = S_ISREG(st.st_mode) && st.st_size == 0;
	if (*is || !S_ISREG(st.st_mode))
		return 0;
	rc = file_read_at(fd, buf_room(&got, len), len, 0);
	*is = rc == 0 && memcmp(got.data, want, len) == 0;
	buf_release(&got);
	return rc == 0 || errno == ENODATA ? 0 : -1;
}

enum exit_code
report_file_check(const char *path, enum report_form form)
{
	enum exit_code code = PROG_OK;
	bool replaceable = false;
	int fd;

	if (strcmp(path, "-") == 0)
		return PROG_OK;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return PROG_OK;
	if (fd < 0)
		return syserr_log(PROG_CANTCREATE, "cannot read '%s'", path);
	if (may_be_replaced(fd, form, &replaceable) == -1)
		code = syserr_log(PROG_CANTCREATE, "cannot read '%s'", path);
	(void)close(fd);
	if (replaceable || code != PROG_OK)
		return code;
	log_error("'%s' exists and is not a report; remove it, or choose "
		  "another name",
	    path);
	return PROG_CANTCREATE;
}

enum exit_code
report_file_write(const char *path, const struct buf *text)
{
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (strcmp(path, "-") == 0) {
		(void)fwrite(text->data, 1, text->len, stdout);
		return prog_flush();
	}
	code = file_replace(path, 0666, text->data, text->len, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}
