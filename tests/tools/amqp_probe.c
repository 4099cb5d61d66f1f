/*
 * amqp_probe: drives endpoints and the stage loop for the tests of the broker;
 * everything the four programs do with a queue and nothing else.
 *
 *   amqp_probe [-p] [-b N] write ENDPOINT     lines from stdin, flushed every
 *       N, with -b 0 at each empty line; after each flush that is DONE,
 *       "confirmed TOTAL" on stdout
 *   amqp_probe [-p] -a N ask ENDPOINT     the same, and N answers that arrive
 *       within ANSWER_MS of the last flush; a line "<" begins lines that stay
 *       in one message, ">" ends them, "|" begins a new message
 *   amqp_probe [-pe] [-b N] [-s MS] [-l MS] read ENDPOINT     lines to stdout,
 *       each after the id of its message and a tab; -s: MS in each flush; -l:
 *       for the first MS a flush says LATER; -e: until empty. A line "bad..."
 *       is put into the dead letters; the last line of a message is the answer
 *       to its writer
 *   amqp_probe [-p] idle ENDPOINT SECONDS     open for writing, only pumped;
 *       then one line is written
 *
 * -p: patient. The configuration is found in the same way as by the programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"

#define ANSWER_MS 10000

struct probe {
	struct endpoint *in, *out;
	struct deadletter dead;
	struct stage stage;
	struct endpoint_options opt;
	int64_t batch, answers, slow_ms, later_ms, first_ms;
};

static enum outcome
handle(void *ctx, char *line, size_t len)
{
	struct probe *p = ctx;
	const char *where = endpoint_where(p->in), *id;
	int id_len;
	enum outcome o;

	if (len >= 3 && memcmp(line, "bad", 3) == 0) {
		o = deadletter_add(
		    &p->dead, where, line, len, "it begins with bad");
		p->stage.code = p->dead.code;
		return o;
	}
	/* "message ID line N", or "line N". */
	id = strncmp(where, "message ", 8) == 0 ? where + 8 : "-";
	id_len = (int)strcspn(id, " ");
	printf("%.*s\t%.*s\n", id_len, id, (int)len, line);
	if (endpoint_ends_message(p->in) && endpoint_reply_to(p->in) != NULL)
		endpoint_reply(p->in, endpoint_reply_to(p->in), line, len);
	return OUTCOME_DONE;
}

static enum outcome
flush(void *ctx)
{
	struct probe *p = ctx;
	int64_t now = clock_mono_ms();

	if (fflush(stdout) != 0)
		return OUTCOME_NEVER;
	if (p->first_ms == 0)
		p->first_ms = now;
	if (now < p->first_ms + p->later_ms)
		return OUTCOME_LATER;
	/* Stays busy like a slow database, and serves no link. */
	if (p->slow_ms > 0)
		stop_sleep(p->slow_ms);
	return OUTCOME_DONE;
}

static enum exit_code
read_all(struct probe *p)
{
	enum exit_code code;

	deadletter_open(&p->dead, p->in, &p->opt);
	p->stage = (struct stage){
		.in = p->in,
		.dead = &p->dead,
		.ctx = p,
		.batch_records = (size_t)p->batch,
		.batch_ms = 20,
		.wait_forever = p->opt.wait_forever,
		.handle = handle,
		.flush = flush,
	};
	code = stage_run(&p->stage);
	deadletter_close(&p->dead);
	return code;
}

/* Retries as a patient stage does. */
static int
flush_out(struct probe *p)
{
	enum outcome o;

	do {
		o = endpoint_flush(p->out);
	} while (o == OUTCOME_LATER && p->opt.wait_forever && !stop_asked());
	return o == OUTCOME_DONE ? 0 : -1;
}

static enum exit_code
refused(struct probe *p)
{
	log_error("%s", endpoint_why(p->out));
	return endpoint_code(p->out);
}

static bool
is_division(struct endpoint *out, const char *line, ssize_t len)
{
	if (len != 1 || strchr("<>|", line[0]) == NULL)
		return false;
	if (line[0] == '|')
		endpoint_break(out);
	else
		endpoint_together(out, line[0] == '<');
	return true;
}

static void
print_answers(struct probe *p)
{
	const char *text;
	size_t len;

	while (p->answers-- > 0 &&
	       endpoint_wait_answer(p->out, ANSWER_MS, &text, &len))
		printf("answer %.*s\n", (int)len, text);
}

static enum exit_code
write_all(struct probe *p)
{
	char *line = NULL;
	size_t cap = 0;
	int64_t n = 0;
	ssize_t len;
	bool bad = false, due;

	while (!bad && (len = getline(&line, &cap, stdin)) > 0) {
		len -= line[len - 1] == '\n';
		due = p->batch == 0 && len == 0;
		if (p->opt.answers && is_division(p->out, line, len))
			continue;
		bad = !due && endpoint_write(p->out, line, (size_t)len) != 0;
		n += !due;
		if (bad || !(due || (p->batch > 0 && n % p->batch == 0)))
			continue;
		bad = flush_out(p) != 0;
		if (!bad) {
			printf("confirmed %lld\n", (long long)n);
			fflush(stdout);
		}
	}
	free(line);
	if (bad || flush_out(p) != 0)
		return refused(p);
	printf("confirmed %lld\n", (long long)n);
	print_answers(p);
	return fflush(stdout) == 0 ? PROG_OK : PROG_IO;
}

static enum exit_code
idle(struct probe *p, const char *seconds)
{
	int64_t end;

	if (parse_duration(seconds, &end) != 0)
		return PROG_USAGE;
	end += clock_mono_ms();
	while (clock_mono_ms() < end && !stop_sleep(200))
		endpoint_pump(p->out);
	if (endpoint_write(p->out, "after idling", 12) != 0 ||
	    flush_out(p) != 0)
		return refused(p);
	return PROG_OK;
}

static enum exit_code
run(struct probe *p, char **argv)
{
	enum exit_code code = PROG_SOFTWARE;
	struct buf why = BUF_INIT;
	bool reading = strcmp(argv[0], "read") == 0;

	if (reading)
		p->in = endpoint_open_read(argv[1], &p->opt, &why, &code);
	else
		p->out = endpoint_open_write(argv[1], &p->opt, &why, &code);
	if (p->in == NULL && p->out == NULL)
		log_error("%s", buf_str(&why));
	else if (reading)
		code = read_all(p);
	else if (strcmp(argv[0], "write") == 0 || p->opt.answers)
		code = write_all(p);
	else
		code = idle(p, argv[2]);
	endpoint_close(p->in);
	endpoint_close(p->out);
	buf_release(&why);
	return code;
}

int
main(int argc, char **argv)
{
	struct probe p = { .batch = 500 };
	enum exit_code code = PROG_CONFIG;
	struct buf why = BUF_INIT;
	struct conf *conf;
	int c;

	prog_init(argv[0]);
	stop_init();
	while ((c = getopt(argc, argv, "pea:b:s:l:v")) != -1) {
		if (c == 'p')
			p.opt.wait_forever = true;
		else if (c == 'e')
			p.opt.until_empty = true;
		else if (c == 'v')
			log_set_verbosity(false, 2);
		else if (c == '?' || parse_int(optarg, 0, 1000000,
					 c == 'a'   ? &p.answers
					 : c == 'b' ? &p.batch
					 : c == 'l' ? &p.later_ms
						    : &p.slow_ms) != 0)
			return PROG_USAGE;
	}
	if (argc - optind < 2)
		return PROG_USAGE;
	conf = conf_load(NULL, &why);
	p.opt.conf = conf;
	p.opt.answers = p.answers > 0;
	if (conf == NULL)
		log_error("%s", buf_str(&why));
	else
		code = run(&p, argv + optind);
	conf_free(conf);
	buf_release(&why);
	return (int)code;
}
