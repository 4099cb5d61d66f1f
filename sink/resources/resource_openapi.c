/*
 * resource_openapi: GET /api/v1/openapi.json: the description of the API, the
 * file of that name.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "sink/api/reply.h"
#include "sink/resources/resource.h"

#define OPENAPI_MAX ((size_t)1024 * 1024)

/* False: it cannot be read, which is logged. */
static bool
read_description(struct buf *to)
{
	char *dir = prog_data("api", "sink/resources");
	char *path = xasprintf("%s/openapi.json", dir);
	struct buf why = BUF_INIT;
	int rc;

	to->max = OPENAPI_MAX;
	rc = file_read_path(path, O_NOCTTY, to);
	if (rc != 0) {
		(void)syserr_explain(&why, PROG_NOINPUT,
		    "cannot read '%s', which is installed with the program",
		    path);
		log_error("%s", buf_str(&why));
	}
	buf_release(&why);
	free(path);
	free(dir);
	return rc == 0;
}

void
resource_openapi(struct question *q)
{
	struct buf text = BUF_INIT;

	if (read_description(&text)) {
		q->format = SHEET_NDJSON; /* whole as it is: no frame */
		buf_add(reply_begin(q), buf_str(&text), text.len);
		q->answer->content_type = "application/json";
		reply_end(q, NULL);
	} else {
		question_problem(q, 500, "the description cannot be read");
	}
	buf_release(&text);
}
