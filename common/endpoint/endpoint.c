/*
 * endpoint: the names of endpoints, and what all kinds share; see endpoint.h.
 * Functions that concern only one end of a queue are in the file of that end.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint_impl.h"
#include "common/os/file.h"
#include "common/os/lines.h"

/* The broker's limit is 255 bytes, including ".dead" and the like. */
#define AMQP_NAME_MAX 200

/* Returns the name after the prefix, or NULL. */
static const char *
behind(const char *prefix, const char *name)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

bool
endpoint_is_queue(const char *name)
{
	return endpoint_amqp_name(name) != NULL;
}

const char *
endpoint_amqp_name(const char *name)
{
	return behind("queue:", name);
}

/* "queu:rows" is probably a typing error, not a new file; "./queu:rows" is a
 * file. */
static bool
has_unknown_prefix(const char *name)
{
	size_t n = 0;

	while (isalpha((unsigned char)name[n]))
		n++;
	return n > 0 && name[n] == ':';
}

/* Returns -1 with *why if the name is invalid for a queue. */
static int
check_queue_name(const char *name, struct buf *why)
{
	if (parse_is_name(name, AMQP_NAME_MAX))
		return 0;
	if (name[0] == '\0')
		buf_setf(why,
		    "'queue:' lacks the name of the queue; write queue:NAME");
	else
		buf_setf(why,
		    "'queue:%s' is not a valid name for a queue; use up to %d "
		    "letters, digits, '.', '_' and '-'",
		    name, AMQP_NAME_MAX);
	return -1;
}

/* Returns -1 with *why if no endpoint can have such a name. */
static int
check_name(const char *name, struct buf *why)
{
	if (endpoint_is_queue(name))
		return check_queue_name(endpoint_amqp_name(name), why);
	if (name[0] != '\0' && !has_unknown_prefix(name))
		return 0;
	buf_setf(why,
	    "'%s' is not an endpoint; use -, a file (./%s) or queue:NAME", name,
	    name);
	return -1;
}

int
endpoint_check_key(const char *name, const char *section, const char *key)
{
	struct buf why = BUF_INIT;
	bool valid = check_name(name, &why) == 0;

	if (!valid)
		log_error("[%s] %s: %s", section, key, buf_str(&why));
	buf_release(&why);
	return valid ? 0 : -1;
}

int
endpoint_take(const char *name, void *to)
{
	struct buf why = BUF_INIT;
	int code = -1;

	if (check_name(name, &why) != 0)
		code = prog_usage_error("%s", buf_str(&why));
	*(const char **)to = name;
	buf_release(&why);
	return code;
}

/* True if `to` is the queue or regular file that is read. */
static bool
is_input(const char *from, const char *to)
{
	bool is_file = endpoint_amqp_name(from) == NULL;

	if (strcmp(to, "-") == 0)
		return false;
	if (!is_file)
		return strcmp(from, to) == 0;
	return endpoint_amqp_name(to) == NULL &&
	       file_is_same(strcmp(from, "-") == 0 ? "/dev/stdin" : from, to);
}

int
endpoint_check_ends(const char *from, const char *to, const char *option)
{
	if (from == NULL || to == NULL || !is_input(from, to))
		return -1;
	return prog_usage_error(
	    "'%s' is also the input; choose another %s", to, option);
}

struct endpoint *
endpoint_open_read(const char *name, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	if (check_name(name, why) != 0) {
		*code = PROG_USAGE;
		return NULL;
	}
	if (!endpoint_is_queue(name))
		return endpoint_stdio_open(name, false, opt, why, code);
	if (opt->exchange != NULL &&
	    !parse_is_name(opt->exchange, AMQP_NAME_MAX)) {
		buf_setf(why, "'%s' names no exchange", opt->exchange);
		*code = PROG_USAGE;
		return NULL;
	}
	return endpoint_amqp_open_read(
	    endpoint_amqp_name(name), opt, why, code);
}

struct endpoint *
endpoint_open_write(const char *name, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	if (check_name(name, why) != 0) {
		*code = PROG_USAGE;
		return NULL;
	}
	if (endpoint_amqp_name(name) == NULL)
		return endpoint_stdio_open(name, true, opt, why, code);
	return endpoint_amqp_open_write(
	    endpoint_amqp_name(name), opt, why, code);
}

enum endpoint_status
endpoint_read(struct endpoint *e, char **line, size_t *len, int timeout_ms)
{
	return e->ops->read(e, false, line, len, timeout_ms);
}

enum endpoint_status
endpoint_read_block(
    struct endpoint *e, char **block, size_t *len, int timeout_ms)
{
	enum endpoint_status status =
	    e->ops->read(e, true, block, len, timeout_ms);

	e->block_end = status == ENDPOINT_RECORD ? *block + *len : NULL;
	return status;
}

struct endpoint_mark
endpoint_mark(const struct endpoint *e)
{
	const struct endpoint_mark none = { 0, 0, 0 };

	return e->ops->mark != NULL ? e->ops->mark(e) : none;
}

void
endpoint_ack(struct endpoint *e)
{
	const struct endpoint_mark all = endpoint_mark(e);

	endpoint_ack_to(e, &all);
}

void
endpoint_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	if (e->ops->ack_to != NULL)
		e->ops->ack_to(e, mark);
}

int
endpoint_write(struct endpoint *e, const char *line, size_t len)
{
	return e->ops->write(e, line, len);
}

enum outcome
endpoint_flush(struct endpoint *e)
{
	return e->ops->flush(e);
}

void
endpoint_pump(struct endpoint *e)
{
	if (e->ops->pump != NULL)
		e->ops->pump(e);
}

const char *
endpoint_where(struct endpoint *e)
{
	return endpoint_where_in(e, NULL);
}

const char *
endpoint_refusal(const struct endpoint *e)
{
	return e->refusal != NULL ? e->refusal : "the line is too long";
}

const char *
endpoint_where_in(struct endpoint *e, const char *line)
{
	uint64_t lines = 0;

	if (line != NULL && e->block_end != NULL)
		lines = lines_count(line, (size_t)(e->block_end - line));
	buf_clear(&e->where);
	if (e->ops->where != NULL)
		e->ops->where(e, lines > 0 ? lines - 1 : 0, &e->where);
	return buf_str(&e->where);
}

bool
endpoint_is_up(const struct endpoint *e)
{
	return e->ops->is_up == NULL || e->ops->is_up(e);
}

const char *
endpoint_name(const struct endpoint *e)
{
	return e->name;
}

const char *
endpoint_why(const struct endpoint *e)
{
	return buf_str(&e->why);
}

enum exit_code
endpoint_code(const struct endpoint *e)
{
	return e->code;
}

void
endpoint_close(struct endpoint *e)
{
	if (e == NULL)
		return;
	buf_release(&e->why);
	buf_release(&e->where);
	free(e->name);
	e->ops->close(e);
}
