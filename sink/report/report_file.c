/*
 * report_file: the file of a report; see report.h.
 */
#include "sink/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

static const struct {
	const char *suffix; /* the names of such files end with it */
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

enum exit_code
report_file_check(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return PROG_OK;
	if (stat(path, &st) != 0)
		return errno == ENOENT ? PROG_OK
				       : syserr_log(PROG_CANTCREATE,
					     "cannot access '%s'", path);
	if (S_ISREG(st.st_mode))
		return PROG_OK;
	log_error("'%s' is not a regular file; choose another name", path);
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
