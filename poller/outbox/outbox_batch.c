/*
 * outbox_batch: writes the lines of a batch, or of a piece of the spool:
 * records to the endpoint, dead letters to their queue, or without a broker to
 * files; see outbox.h.
 */
#include "poller/outbox/outbox_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

bool
outbox_has_no_broker(const struct outbox *o)
{
	return endpoint_amqp_name(o->opt.to) == NULL;
}

struct endpoint *
outbox_endpoint(
    struct outbox *o, const char *name, enum exit_code *code, struct buf *why)
{
	struct endpoint_options opt = {
		.conf = o->opt.conf,
		.wait_forever = true,
		.append = true,
		.lazy = true,
	};

	return endpoint_open_write(name, &opt, why, code);
}

/* The queue of dead letters beside ours, opened with the first one. */
static struct endpoint *
dead_letter_endpoint(struct outbox *o)
{
	enum exit_code code;
	struct buf why = BUF_INIT;
	char *name;

	if (o->dead != NULL)
		return o->dead;
	name = xasprintf("queue:%s.dead", endpoint_amqp_name(o->opt.to));
	o->dead = outbox_endpoint(o, name, &code, &why);
	if (o->dead == NULL)
		log_error("%s", buf_str(&why));
	free(name);
	buf_release(&why);
	return o->dead;
}

const struct endpoint *
outbox_failed_endpoint(const struct outbox *o)
{
	if (o->dead != NULL && endpoint_code(o->dead) != PROG_OK)
		return o->dead;
	return o->out;
}

static enum outcome
refused_outcome(const struct outbox *o)
{
	return endpoint_code(outbox_failed_endpoint(o)) == PROG_TEMPFAIL
		   ? OUTCOME_LATER
		   : OUTCOME_NEVER;
}

static bool
is_dead_letter(const char *line, size_t len)
{
	static const char start[] = "{\"type\":\"dead\",";

	return len >= sizeof start - 1 &&
	       memcmp(line, start, sizeof start - 1) == 0;
}

/* Without a folder for them outbox_put() takes none. */
static int
file_dead_letter(struct outbox *o, const char *line, size_t len)
{
	struct buf why = BUF_INIT;
	int rc = dead_letter_files_write(
	    o->opt.dead_letter_files, line, len, clock_now_ms(), &why);

	if (rc != 0)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return rc;
}

static int
sync_dead_letter_files(struct outbox *o)
{
	struct buf why = BUF_INIT;
	int rc = 0;

	if (o->opt.dead_letter_files != NULL)
		rc = dead_letter_files_flush(o->opt.dead_letter_files, &why);
	if (rc != 0)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return rc;
}

static int
publish_dead_letter(struct outbox *o, const char *line, size_t len)
{
	struct endpoint *dead = dead_letter_endpoint(o);

	return dead != NULL ? endpoint_write(dead, line, len) : -1;
}

static int
publish_record(struct outbox *o, const char *line, size_t len)
{
	return endpoint_write(o->out, line, len);
}

typedef int write_line_fn(struct outbox *o, const char *line, size_t len);

/* Writes the dead letters among the lines, or all others. */
static int
write_lines(struct outbox *o, const char *lines, size_t len, bool dead,
    write_line_fn *write_line)
{
	const char *end = lines + len, *nl;
	int rc = 0;

	for (; lines < end && rc == 0; lines = nl + 1) {
		nl = memchr(lines, '\n', (size_t)(end - lines));
		if (nl == NULL)
			nl = end;
		len = (size_t)(nl - lines);
		if (is_dead_letter(lines, len) == dead)
			rc = write_line(o, lines, len);
	}
	return rc;
}

/* Without a broker the dead letters are safe before a record is written: while
 * their files cannot be written, no record goes out again with each try. */
enum outcome
outbox_write_batch(struct outbox *o, const char *lines, size_t len)
{
	bool files = outbox_has_no_broker(o);

	if (write_lines(o, lines, len, true,
		files ? file_dead_letter : publish_dead_letter) != 0)
		return files ? OUTCOME_LATER : refused_outcome(o);
	if (files && sync_dead_letter_files(o) != 0)
		return OUTCOME_LATER;
	if (write_lines(o, lines, len, false, publish_record) != 0)
		return refused_outcome(o);
	return OUTCOME_DONE;
}

enum outcome
outbox_flush(struct outbox *o)
{
	enum outcome done = endpoint_flush(o->out);

	if (done == OUTCOME_DONE && o->dead != NULL)
		done = endpoint_flush(o->dead);
	return done;
}
