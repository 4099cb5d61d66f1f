/*
 * resource_openapi: GET /api/v1/openapi.json: the description of the API, the
 * file of that name, which is read once.
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

/* For as long as the program runs; constant while requests come. */
static struct buf description = BUF_INIT;

int
resource_openapi_read(struct buf *why)
{
	char *dir = prog_data("api", "sink/resources");
	char *path = xasprintf("%s/openapi.json", dir);
	int rc;

	buf_clear(&description);
	description.max = OPENAPI_MAX;
	rc = file_read_path(path, O_NOCTTY, &description);
	if (rc != 0) {
		(void)syserr_explain(why, PROG_NOINPUT,
		    "cannot read '%s', which is installed with the program",
		    path);
		buf_release(&description);
	}
	free(path);
	free(dir);
	return rc;
}

/* By hand there is no start at which it was read. */
static bool
has_description(void)
{
	struct buf why = BUF_INIT;
	bool has = description.len > 0 || resource_openapi_read(&why) == 0;

	if (!has)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return has;
}

void
resource_openapi(struct question *q)
{
	if (!reply_takes_json(q))
		return;
	if (has_description()) {
		q->format = SHEET_NDJSON; /* whole as it is: no frame */
		buf_add(reply_begin(q), description.data, description.len);
		q->answer->content_type = "application/json";
		reply_end(q, NULL);
	} else {
		question_problem(q, 500, "the description cannot be read");
	}
}
