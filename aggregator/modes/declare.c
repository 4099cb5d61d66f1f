/*
 * declare: aggregator --declare, which creates queues and counts what they
 * hold, with the permissions of the configured user and without the broker's
 * own tools. It reads a list of commands, one per line:
 *
 *   queue NAME      create a quorum queue, and NAME.dead
 *   look NAME       print "yes NAME" if that queue exists, or "no NAME"
 *   count NAME      print "N NAME", the messages that wait in that queue; 0
 *                   without such a queue
 *   readers NAME    print "N NAME", its consumers
 *   alarm NAME      fail if the broker accepts no messages because of an alarm
 *
 * Commands are idempotent, so a list may be run again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/amqp/amqp_declare.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"

#define NAME_MAX_LEN 200

struct amqp_plan {
	struct amqp_link link;
	const char *queue;
};

/* The line cannot be executed: sets the reason and the exit code. */
static enum outcome
refuse_line(struct amqp_plan *p, const char *name, const char *why)
{
	buf_setf(&p->link.why, "'%s' %s", name, why);
	p->link.code = PROG_DATA;
	return OUTCOME_NEVER;
}

static enum outcome
make_queue(struct amqp_plan *p)
{
	enum outcome o = amqp_declare_queue(&p->link, p->queue, NULL);
	char *dead = xasprintf("%s.dead", p->queue);

	if (o == OUTCOME_DONE)
		o = amqp_declare_queue(&p->link, dead, NULL);
	free(dead);
	return o;
}

static enum outcome
print_presence(struct amqp_plan *p)
{
	bool found;
	enum outcome o = amqp_declare_count(&p->link, p->queue, NULL, &found);

	if (o == OUTCOME_DONE)
		printf("%s %s\n", found ? "yes" : "no", p->queue);
	return o;
}

/* If a user may look at a queue but not read it, the broker refuses this at
 * once. */
static enum outcome
count_queue(struct amqp_plan *p, struct amqp_queue_load *load)
{
	enum outcome o = amqp_declare_load(&p->link, p->queue, load);

	if (o != OUTCOME_NEVER || p->link.code != PROG_NOPERM)
		return o;
	o = amqp_link_connect(&p->link);
	if (o == OUTCOME_DONE)
		o = amqp_declare_queue(&p->link, p->queue, load);
	return o;
}

static enum outcome
print_load(struct amqp_plan *p, bool readers)
{
	struct amqp_queue_load load = { 0, 0 };
	bool found;
	enum outcome o = amqp_declare_count(&p->link, p->queue, NULL, &found);

	if (o == OUTCOME_DONE && found)
		o = count_queue(p, &load);
	if (o == OUTCOME_DONE)
		printf("%" PRIu32 " %s\n",
		    readers ? load.readers : load.messages, p->queue);
	return o;
}

static enum outcome
print_count(struct amqp_plan *p)
{
	return print_load(p, false);
}

static enum outcome
print_readers(struct amqp_plan *p)
{
	return print_load(p, true);
}

static enum outcome
check_alarm(struct amqp_plan *p)
{
	return amqp_declare_alarm(&p->link, p->queue);
}

static const struct {
	const char *name;
	enum outcome (*run)(struct amqp_plan *p);
} verbs[] = {
	{ "queue", make_queue },
	{ "look", print_presence },
	{ "count", print_count },
	{ "readers", print_readers },
	{ "alarm", check_alarm },
};

static enum outcome
do_line(struct amqp_plan *p, char *line)
{
	static const char blanks[] = " \t\r";
	char *rest = NULL, *verb = strtok_r(line, blanks, &rest);
	const char *queue = strtok_r(NULL, blanks, &rest);
	size_t i;

	if (verb == NULL || verb[0] == '#')
		return OUTCOME_DONE;
	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			break;
	if (i == ARRAY_LEN(verbs) || queue == NULL ||
	    strtok_r(NULL, blanks, &rest) != NULL)
		return refuse_line(
		    p, verb, "is not a known command with the name of a queue");
	if (!parse_is_name(queue, NAME_MAX_LEN))
		return refuse_line(p, queue, "is not a name");
	p->queue = queue;
	return verbs[i].run(p);
}

static enum exit_code
do_all(struct amqp_plan *p, struct endpoint *in)
{
	enum endpoint_status status;
	enum outcome o = OUTCOME_DONE;
	size_t len;
	char *line;

	while (o == OUTCOME_DONE && (status = endpoint_read(in, &line, &len,
					 -1)) == ENDPOINT_RECORD) {
		o = do_line(p, line);
		if (o != OUTCOME_DONE)
			log_error("%s: %s", endpoint_where(in),
			    buf_str(&p->link.why));
	}
	if (o != OUTCOME_DONE)
		return p->link.code;
	if (status == ENDPOINT_END)
		return prog_flush();
	log_error("%s: the list ends inside a line, or a line is too long",
	    endpoint_where(in));
	return PROG_DATA;
}

/* Runs the commands of `from`, a file or "-". Stops at the first line that
 * fails and logs it. */
static enum exit_code
amqp_plan_run(const struct conf *conf, const char *from)
{
	struct endpoint_options opt = { .conf = conf };
	enum exit_code code = PROG_SOFTWARE;
	struct amqp_plan p = { .queue = NULL };
	struct buf why = BUF_INIT;
	struct endpoint *in = endpoint_open_read(from, &opt, &why, &code);

	if (in == NULL ||
	    amqp_link_init(&p.link, conf, "declares", &why, &code) != 0) {
		log_error("%s", buf_str(&why));
	} else if (amqp_link_connect(&p.link) != OUTCOME_DONE) {
		log_error("%s", buf_str(&p.link.why));
		code = p.link.code;
	} else {
		code = do_all(&p, in);
	}
	amqp_link_close(&p.link);
	amqp_link_release(&p.link);
	endpoint_close(in);
	buf_release(&why);
	return code;
}

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct aggregator, job.from,
	    endpoint_take, "the list: -, a file"),
};

static int
check_declare(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--declare reads a list from standard input or -f FILE");
	return -1;
}

static enum exit_code
run_declare(void *options)
{
	const struct aggregator *a = options;

	return a->common.only_check
		   ? PROG_OK
		   : amqp_plan_run(a->common.conf, a->job.from);
}

const struct option_mode aggregator_mode_declare = {
	.choice =
	    OPTION_MODE("declare", "create or count the queues of a list"),
	.about = "Carries out a list of commands, one per line:\n"
		 "  queue NAME     create the queue, and NAME.dead\n"
		 "  look NAME      print whether it exists\n"
		 "  count NAME     print how many messages wait in it\n"
		 "  readers NAME   print how many programs read it\n"
		 "  alarm NAME     fail during an alarm of the broker\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_declare,
	.run = run_declare,
};
