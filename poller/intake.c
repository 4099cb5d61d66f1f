/*
 * intake: see intake.h.
 */
#include "poller/intake.h"

#include <stdlib.h>

#include "common/xalloc.h"

struct intake *
intake_open(const struct conf *conf, const char *state, enum exit_code *code,
    struct buf *why)
{
	struct intake *in = xcalloc(1, sizeof *in);

	(void)state;
	(void)why;
	in->conf = conf;
	*code = PROG_OK;
	return in;
}

void
intake_close(struct intake *in)
{
	if (in == NULL)
		return;
	buf_release(&in->openapi);
	free(in);
}
