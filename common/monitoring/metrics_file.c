/*
 * metrics_file: see metrics_file.h.
 */
#include "common/monitoring/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

/* Read by another user, so the umask does not count. */
static int
replace_metrics_file(const char *path, const struct buf *text)
{
	char *beside = xasprintf("%s.new", path);
	int fd =
	    file_open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
	int rc = -1;

	if (fd >= 0) {
		if (fchmod(fd, 0644) == 0 &&
		    file_write_all(fd, text->data, text->len) == 0)
			rc = rename(beside, path);
		(void)close(fd);
	}
	free(beside);
	return rc;
}

void
metrics_file_write(const char *path, const struct buf *text, bool *failed)
{
	int rc = replace_metrics_file(path, text);

	if (rc != 0 && !*failed)
		log_warn("cannot write '%s', of [metrics] folder: %s; %s. All "
			 "else goes on",
		    path, log_errno(errno), syserr_way_out(errno));
	*failed = rc != 0;
}
