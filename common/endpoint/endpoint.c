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
static const struct endpoint_kind *const kinds[] = {
	&endpoint_queue,
	&endpoint_exchange,
	&endpoint_stdio,
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
behind(const struct endpoint_kind *kind, const char *name)
{
	size_t n = strlen(kind->prefix);

	return strncmp(name, kind->prefix, n) == 0 ? name + n : NULL;
}

static const struct endpoint_kind *
find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds) - 1; i++)
		if (behind(kinds[i], name) != NULL)
			return kinds[i];
	return has_unknown_prefix(name) ? NULL : kinds[i];
}

/* Returns the kind of a valid name; otherwise NULL and *why. */
static const struct endpoint_kind *
check_name(const char *name, enum endpoint_use use, struct buf *why)
{
	const struct endpoint_kind *kind = find_kind(name);

	if (kind == NULL || name[0] == '\0') {
		buf_setf(why,
		    "'%s' is not an endpoint; use -, a file (./%s), queue:NAME "
		    "or, for output, exchange:NAME",
		    name, name);
		return NULL;
	}
	if (kind->check != NULL &&
	    kind->check(behind(kind, name), use, why) != 0)
		return NULL;
	return kind;
}

int
endpoint_check_key(const char *name, enum endpoint_use use, const char *section,
    const char *key)
{
	struct buf why = BUF_INIT;
	bool valid = check_name(name, use, &why) != NULL;

	if (!valid)
		log_error("[%s] %s: %s", section, key, buf_str(&why));
	buf_release(&why);
	return valid ? 0 : -1;
}

static int
take_name(const char *name, enum endpoint_use use, const char **to)
{
	struct buf why = BUF_INIT;
	int code = -1;

	if (check_name(name, use, &why) == NULL)
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
	bool is_file = find_kind(a) == &endpoint_stdio;

	if (strcmp(a, b) == 0)
		return !is_file || file_is_same(a, b);
	return is_file && find_kind(b) == &endpoint_stdio && file_is_same(a, b);
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
	const struct endpoint_kind *kind = check_name(name, use, why);

	if (kind == NULL) {
		*code = PROG_USAGE;
		return NULL;
	}
	return kind->open(
	    behind(kind, name), use == ENDPOINT_TO, opt, why, code);
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
	return behind(&endpoint_queue, name) != NULL;
}

bool
endpoint_is_exchange(const char *name)
{
	return behind(&endpoint_exchange, name) != NULL;
}

const char *
endpoint_amqp_name(const char *name)
{
	const char *queue = behind(&endpoint_queue, name);

	return queue != NULL ? queue : behind(&endpoint_exchange, name);
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
