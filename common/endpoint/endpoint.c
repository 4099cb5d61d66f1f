/*
 * endpoint: the table of kinds, and the code that they share; see endpoint.h.
 * What concerns only one end of a queue is in the file of that end.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint_kind.h"
#include "common/os/file.h"
#include "common/os/lines.h"

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

/* The last kind has no prefix and takes all other names. */
static const struct endpoint_ops *const kinds[] = {
	&endpoint_amqp_ops,
	&endpoint_exchange_ops,
	&endpoint_stdio_ops,
};

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

/* Returns the name after the prefix of that kind, or NULL. */
static const char *
behind(const struct endpoint_ops *ops, const char *name)
{
	size_t n = strlen(ops->prefix);

	return strncmp(name, ops->prefix, n) == 0 ? name + n : NULL;
}

static const struct endpoint_ops *
find_ops(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds) - 1; i++)
		if (behind(kinds[i], name) != NULL)
			return kinds[i];
	return has_unknown_prefix(name) ? NULL : kinds[i];
}

/* ops must come from find_ops(). */
static int
check_name(const struct endpoint_ops *ops, const char *name,
    enum endpoint_use use, struct buf *why)
{
	if (ops == NULL || name[0] == '\0') {
		buf_setf(why,
		    "'%s' is not an endpoint; use -, a file (./%s), queue:NAME "
		    "or, for output, exchange:NAME",
		    name, name);
		return -1;
	}
	return ops->check != NULL ? ops->check(behind(ops, name), use, why) : 0;
}

int
endpoint_check_key(const char *name, enum endpoint_use use, const char *section,
    const char *key)
{
	struct buf why = BUF_INIT;
	int rc = check_name(find_ops(name), name, use, &why);

	if (rc != 0)
		log_error("[%s] %s: %s", section, key, buf_str(&why));
	buf_release(&why);
	return rc;
}

static int
take_name(const char *name, enum endpoint_use use, const char **to)
{
	struct buf why = BUF_INIT;
	int code = -1;

	if (check_name(find_ops(name), name, use, &why) != 0)
		code = prog_usage_error("%s", buf_str(&why));
	*to = name;
	buf_release(&why);
	return code;
}

int
endpoint_take_from(const char *name, void *to)
{
	return take_name(name, ENDPOINT_FROM, to);
}

int
endpoint_take_to(const char *name, void *to)
{
	return take_name(name, ENDPOINT_TO, to);
}

/* True if both names mean the same queue, exchange or regular file. */
static bool
is_same(const char *a, const char *b)
{
	const struct endpoint_ops *ops = find_ops(a);

	if (strcmp(a, b) == 0)
		return ops != &endpoint_stdio_ops || file_is_same(a, b);
	return ops == &endpoint_stdio_ops && find_ops(b) == ops &&
	       file_is_same(a, b);
}

static bool
is_input(const char *from, const char *to)
{
	if (strcmp(to, "-") == 0)
		return false;
	return is_same(strcmp(from, "-") == 0 ? "/dev/stdin" : from, to);
}

int
endpoint_check_ends(const char *from, const char *to, const char *option)
{
	if (from == NULL || to == NULL || !is_input(from, to))
		return -1;
	return prog_usage_error(
	    "'%s' is also the input; choose another %s", to, option);
}

static struct endpoint *
open_any(const char *name, enum endpoint_use use,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	const struct endpoint_ops *ops = find_ops(name);
	bool writing = use == ENDPOINT_TO;
	struct endpoint *e;

	if (check_name(ops, name, use, why) != 0) {
		*code = PROG_USAGE;
		return NULL;
	}
	e = ops->open(behind(ops, name), writing, opt, why, code);
	if (e != NULL) {
		if (e->ops == NULL)
			e->ops = ops;
		if (e->name == NULL)
			e->name = xstrdup(name);
	}
	return e;
}

struct endpoint *
endpoint_open_read(const char *name, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	return open_any(name, ENDPOINT_FROM, opt, why, code);
}

struct endpoint *
endpoint_open_write(const char *name, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	return open_any(name, ENDPOINT_TO, opt, why, code);
}

enum endpoint_status
endpoint_read(struct endpoint *e, char **line, size_t *len, int timeout_ms)
{
	return e->ops->read(e, line, len, timeout_ms);
}

enum endpoint_status
endpoint_read_block(
    struct endpoint *e, char **block, size_t *len, int timeout_ms)
{
	enum endpoint_status status =
	    e->ops->read_block(e, block, len, timeout_ms);

	e->block_end = status == ENDPOINT_RECORD ? *block + *len : NULL;
	return status;
}

void
endpoint_ack(struct endpoint *e)
{
	const struct endpoint_mark all = endpoint_mark(e);

	endpoint_ack_to(e, &all);
}

struct endpoint_mark
endpoint_mark(const struct endpoint *e)
{
	const struct endpoint_mark none = { 0, 0, 0 };

	return e->ops->mark != NULL ? e->ops->mark(e) : none;
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

bool
endpoint_is_queue(const char *name)
{
	return behind(&endpoint_amqp_ops, name) != NULL;
}

bool
endpoint_is_exchange(const char *name)
{
	return behind(&endpoint_exchange_ops, name) != NULL;
}

const char *
endpoint_amqp_name(const char *name)
{
	const char *queue = behind(&endpoint_amqp_ops, name);

	return queue != NULL ? queue : behind(&endpoint_exchange_ops, name);
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
