/*
 * publish: aggregator --publish, which sends records to an endpoint unchanged.
 * scripts/limits uses it, and it replays a file into a stream. All lines are
 * checked before any is written: a single bad line stops the run.
 */
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"

#include "aggregator/modes/modes.h"

struct publish {
	struct endpoint *in, *out;
	struct buf lines;
	struct flat flat;
};

static enum exit_code
refuse_input(struct publish *p, const char *why)
{
	log_error("%s: %s; nothing was published", endpoint_where(p->in), why);
	return PROG_DATA;
}

/* Checks one line. The byte after it must be writable. */
static enum exit_code
check_record(struct publish *p, const char *line, size_t len)
{
	struct buf why = BUF_INIT;
	struct record r;
	enum exit_code code = PROG_OK;

	if (record_parse(&r, &p->flat, line, len, &why) == -1)
		code = refuse_input(p, buf_str(&why));
	else if (r.type == RECORD_UNKNOWN)
		code = refuse_input(p, "not a record of a known type");
	buf_add(&p->lines, line, len);
	buf_addc(&p->lines, '\n');
	buf_release(&why);
	return code;
}

static enum exit_code
read_lines_to_publish(struct publish *p)
{
	enum exit_code code = PROG_OK;
	char *line = NULL;
	size_t len = 0;

	while (code == PROG_OK) {
		switch (endpoint_read(p->in, &line, &len, -1)) {
		case ENDPOINT_RECORD:
			code = check_record(p, line, len);
			break;
		case ENDPOINT_TOOLONG:
			code = refuse_input(p, endpoint_refusal(p->in));
			break;
		case ENDPOINT_CUT:
			code = refuse_input(p, "the input ends inside a line");
			break;
		case ENDPOINT_WAIT:
			if (!stop_asked())
				break;
			log_error("stopped by a signal; nothing was published");
			return PROG_TEMPFAIL;
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
	if (buf_each_line(&p->lines, aggregator_write_line, p->out) == 0 &&
	    endpoint_flush(p->out) == OUTCOME_DONE)
		return PROG_OK;
	log_error("not published: %s", endpoint_why(p->out));
	return endpoint_code(p->out) != PROG_OK ? endpoint_code(p->out)
						: PROG_TEMPFAIL;
}

static enum exit_code
publish_records(const struct aggregator_job *job)
{
	struct endpoint_options opt = { .conf = job->conf };
	struct publish p = { .in = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	p.in = endpoint_open_read(job->from, &opt, &why, &code);
	if (p.in != NULL)
		code = read_lines_to_publish(&p);
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

static const struct option_row rows[] = {
	AGGREGATOR_FROM,
	OPTION_TAKE('t', "to", "TO", struct aggregator, job.to, endpoint_take,
	    "where records go: -, a file, queue:NAME"),
};

static int
check_publish(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--publish reads records from standard input or -f FILE");
	return endpoint_check_ends(a->job.from, a->job.to, "-t");
}

static enum exit_code
run_publish(void *options)
{
	struct aggregator *a = options;

	a->job.conf = a->common.conf;
	return a->common.only_check ? PROG_OK : publish_records(&a->job);
}

const struct option_mode aggregator_mode_publish = {
	.choice = OPTION_MODE("publish", "publish records unchanged"),
	.about = "Publishes records unchanged; publishes nothing if a line is "
		 "not a record.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_publish,
	.run = run_publish,
};
