/*
 * declare: aggregator --declare, which creates the exchanges, queues and
 * bindings of a list, one command per line, with the permissions of the
 * configured user and without the broker's own tools. scripts/topology writes
 * such lists.
 *
 *   exchange NAME TYPE        make it; one of another type is an error
 *   queue NAME                make a quorum queue, and NAME.dead
 *   bind EXCHANGE QUEUE KEY   the queue gets the messages with that key
 *   pass FROM TO              bind the exchange TO to FROM
 *   part FROM TO              remove that binding
 *   drop exchange NAME        delete it
 *   drop queue NAME           delete it, and NAME.dead if empty; an error while
 *                             it has messages or a reader, or does not answer
 *   look exchange|queue NAME  print "yes NAME" or "no NAME"
 *   count NAME                print "N NAME", the messages that wait in that
 *                             queue; 0 without such a queue
 *   readers NAME              print "N NAME", its consumers
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

#define WORDS_MAX 4
#define NAME_MAX_LEN 200

struct amqp_plan {
	struct amqp_link link;
	char *word[WORDS_MAX]; /* without the command's name */
};

/* The line cannot be executed: sets the reason and the exit code. */
static enum outcome
refuse_line(
    struct amqp_plan *p, enum exit_code code, const char *name, const char *why)
{
	buf_setf(&p->link.why, "'%s' %s", name, why);
	p->link.code = code;
	return OUTCOME_NEVER;
}

static enum outcome
make_exchange(struct amqp_plan *p)
{
	return amqp_declare_exchange(&p->link, p->word[0], p->word[1]);
}

static enum outcome
make_queue(struct amqp_plan *p)
{
	enum outcome o = amqp_declare_queue(&p->link, p->word[0], NULL);
	char *dead = xasprintf("%s.dead", p->word[0]);

	if (o == OUTCOME_DONE)
		o = amqp_declare_queue(&p->link, dead, NULL);
	free(dead);
	return o;
}

static enum outcome
bind_queue(struct amqp_plan *p)
{
	return amqp_declare_bind(
	    &p->link, p->word[0], p->word[1], p->word[2], false);
}

static enum outcome
bind_exchanges(struct amqp_plan *p)
{
	return amqp_declare_pass(&p->link, p->word[0], p->word[1], true);
}

static enum outcome
unbind_exchanges(struct amqp_plan *p)
{
	return amqp_declare_pass(&p->link, p->word[0], p->word[1], false);
}

/* Deletes a queue that is empty and has no reader. insist: everything else is
 * an error. */
static enum outcome
drop_queue(struct amqp_plan *p, const char *queue, bool insist)
{
	struct amqp_queue_load load = { 0, 0 };
	bool found;
	enum outcome o = amqp_declare_look(&p->link, "queue", queue, &found);

	if (o != OUTCOME_DONE || !found)
		return o;
	o = amqp_declare_load(&p->link, queue, &load);
	if (o != OUTCOME_DONE)
		return o;
	if (load.readers == 0 && load.messages == 0)
		return amqp_declare_drop(&p->link, "queue", queue);
	if (!insist)
		return OUTCOME_DONE;
	return refuse_line(p, PROG_TEMPFAIL, queue,
	    load.messages > 0
		? "is not empty; let its consumer finish, then try again"
		: "has a consumer; stop it first");
}

static enum outcome
drop_named(struct amqp_plan *p)
{
	enum outcome o;
	char *dead;

	if (strcmp(p->word[0], "exchange") == 0)
		return amqp_declare_drop(&p->link, "exchange", p->word[1]);
	if (strcmp(p->word[0], "queue") != 0)
		return refuse_line(p, PROG_DATA, p->word[0],
		    "is neither an exchange nor a queue");
	o = drop_queue(p, p->word[1], true);
	dead = xasprintf("%s.dead", p->word[1]);
	if (o == OUTCOME_DONE)
		o = drop_queue(p, dead, false);
	free(dead);
	return o;
}

static enum outcome
print_presence(struct amqp_plan *p)
{
	bool found;
	enum outcome o;

	if (strcmp(p->word[0], "exchange") != 0 &&
	    strcmp(p->word[0], "queue") != 0)
		return refuse_line(p, PROG_DATA, p->word[0],
		    "is neither an exchange nor a queue");
	o = amqp_declare_look(&p->link, p->word[0], p->word[1], &found);
	if (o == OUTCOME_DONE)
		printf("%s %s\n", found ? "yes" : "no", p->word[1]);
	return o;
}

/* If a user may look at a queue but not read it, the broker refuses this at
 * once. */
static enum outcome
count_queue(
    struct amqp_plan *p, const char *queue, struct amqp_queue_load *load)
{
	enum outcome o = amqp_declare_load(&p->link, queue, load);

	if (o != OUTCOME_NEVER || p->link.code != PROG_NOPERM)
		return o;
	o = amqp_link_connect(&p->link);
	return o == OUTCOME_DONE ? amqp_declare_queue(&p->link, queue, load)
				 : o;
}

static enum outcome
print_load(struct amqp_plan *p, bool readers)
{
	struct amqp_queue_load load = { 0, 0 };
	bool found;
	enum outcome o =
	    amqp_declare_look(&p->link, "queue", p->word[0], &found);

	if (o == OUTCOME_DONE && found)
		o = count_queue(p, p->word[0], &load);
	if (o == OUTCOME_DONE)
		printf("%" PRIu32 " %s\n",
		    readers ? load.readers : load.messages, p->word[0]);
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

static const struct {
	const char *name;
	size_t words;
	enum outcome (*run)(struct amqp_plan *p);
} verbs[] = {
	{ "exchange", 2, make_exchange },
	{ "queue", 1, make_queue },
	{ "bind", 3, bind_queue },
	{ "pass", 2, bind_exchanges },
	{ "part", 2, unbind_exchanges },
	{ "drop", 2, drop_named },
	{ "look", 2, print_presence },
	{ "count", 1, print_count },
	{ "readers", 1, print_readers },
};

/* Splits the line into words, in place. */
static size_t
split_words(char *line, char *word[], size_t max)
{
	char *rest = NULL, *w;
	size_t n = 0;

	for (w = strtok_r(line, " \t\r", &rest); w != NULL;
	     w = strtok_r(NULL, " \t\r", &rest)) {
		if (n == max)
			return max + 1;
		word[n++] = w;
	}
	return n;
}

static enum outcome
do_line(struct amqp_plan *p, char *line)
{
	char *word[WORDS_MAX];
	size_t n = split_words(line, word, WORDS_MAX), i, j;

	if (n == 0 || word[0][0] == '#')
		return OUTCOME_DONE;
	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(word[0], verbs[i].name) == 0)
			break;
	if (i == ARRAY_LEN(verbs) || n != verbs[i].words + 1)
		return refuse_line(p, PROG_DATA, word[0],
		    "is not a known action, or has too many words");
	for (j = 1; j < n; j++) {
		if (!parse_is_name(word[j], NAME_MAX_LEN))
			return refuse_line(
			    p, PROG_DATA, word[j], "is not a name");
		p->word[j - 1] = word[j];
	}
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
	struct amqp_plan p = { .word = { NULL } };
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
	    endpoint_take_from, "the list: -, a file"),
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
	.choice = OPTION_MODE(
	    "declare", "create the exchanges, queues and bindings of a list"),
	.about = "Creates the exchanges, queues and bindings of a list, one "
		 "per line, as\nscripts/topology writes it.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_declare,
	.run = run_declare,
};
