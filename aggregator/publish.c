/*
 * publish: lines that are records go to an endpoint as they are; for
 * scripts/limits, and for whoever plays a file into a stream. All are looked at
 * before the first is written: one that is bad stops all.
 */
#include "aggregator/job.h"

#include <string.h>

#include "common/log.h"
#include "common/stop.h"

struct publish {
	struct endpoint *in, *out;
	struct buf lines;
	struct flat flat;
};

static enum exit_code
refuse(struct publish *p, const char *why)
{
	log_error("%s: %s; nothing was published", endpoint_where(p->in), why);
	return PROG_DATA;
}

/* One line, behind which there is room. */
static enum exit_code
take(struct publish *p, const char *line, size_t len)
{
	struct buf why = BUF_INIT;
	struct record r;
	enum exit_code code = PROG_OK;

	if (record_parse(&r, &p->flat, line, len, &why) == -1)
		code = refuse(p, buf_str(&why));
	else if (r.type == RECORD_UNKNOWN)
		code = refuse(p, "no record of a known type");
	buf_add(&p->lines, line, len);
	buf_addc(&p->lines, '\n');
	buf_release(&why);
	return code;
}

static enum exit_code
read_all(struct publish *p)
{
	enum exit_code code = PROG_OK;
	char *line = NULL;
	size_t len = 0;

	while (code == PROG_OK) {
		switch (endpoint_read(p->in, &line, &len, -1)) {
		case ENDPOINT_RECORD:
			code = take(p, line, len);
			break;
		case ENDPOINT_TOOLONG:
			code = refuse(p, endpoint_refusal(p->in));
			break;
		case ENDPOINT_CUT:
			code = refuse(p, "the input is cut inside a line");
			break;
		case ENDPOINT_WAIT:
			if (stop_asked())
				code = PROG_TEMPFAIL;
			break;
		case ENDPOINT_END:
		case ENDPOINT_EMPTY:
			return PROG_OK;
		case ENDPOINT_FAILED:
			log_error("%s", endpoint_why(p->in));
			return endpoint_code(p->in);
		}
	}
	return code;
}

static enum exit_code
write_all(struct publish *p)
{
	const char *line = buf_str(&p->lines), *nl;
	bool written = true;

	for (; written && (nl = strchr(line, '\n')) != NULL; line = nl + 1)
		written =
		    endpoint_write(p->out, line, (size_t)(nl - line)) == 0;
	if (written && endpoint_flush(p->out) == OUTCOME_DONE)
		return PROG_OK;
	log_error("not published: %s", endpoint_why(p->out));
	return endpoint_code(p->out) != PROG_OK ? endpoint_code(p->out)
						: PROG_TEMPFAIL;
}

enum exit_code
publish_run(const struct job *job)
{
	struct endpoint_options opt = { .conf = job->conf };
	struct publish p = { .in = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	p.in = endpoint_open_read(job->from, &opt, &why, &code);
	if (p.in != NULL)
		code = read_all(&p);
	if (p.in != NULL && code == PROG_OK)
		p.out = endpoint_open_write(job->to, &opt, &why, &code);
	if (p.out != NULL)
		code = write_all(&p);
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	endpoint_close(p.out);
	endpoint_close(p.in);
	flat_release(&p.flat);
	buf_release(&p.lines);
	buf_release(&why);
	return code;
}
