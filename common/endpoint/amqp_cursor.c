/*
 * amqp_cursor: see amqp_cursor.h.
 */
#include "common/endpoint/amqp_cursor.h"

#include <string.h>

#include "common/os/lines.h"

/* Callers serve their links between two blocks. */
#define BLOCK_BYTES (64 * 1024)

void
amqp_cursor_take(struct amqp_cursor *c, struct amqp_message m,
    size_t max_message, uint64_t connection)
{
	c->message = m;
	amqp_message_unpack(&c->message, max_message);
	c->in_hand = true;
	c->serial++;
	c->connection = connection;
	c->at = 0;
	c->line = 0;
}

void
amqp_cursor_release(struct amqp_cursor *c)
{
	amqp_message_release(&c->message);
	c->in_hand = false;
}

bool
amqp_cursor_is_done(const struct amqp_cursor *c)
{
	return c->at >= c->message.size;
}

/* The message has a line left. */
static enum endpoint_status
next_line(struct amqp_cursor *c, char **line, size_t *len)
{
	struct amqp_message *m = &c->message;
	char *from = m->data + c->at, *nl;

	nl = memchr(from, '\n', m->size - c->at);
	*line = from;
	*len = nl != NULL ? (size_t)(nl - from) : m->size - c->at;
	c->at += *len + (nl != NULL);
	from[*len] = '\0';
	c->first = ++c->line;
	return *len > c->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

static enum endpoint_status
next_block(struct amqp_cursor *c, char **block, size_t *len)
{
	struct amqp_message *m = &c->message;
	char *from = m->data + c->at;
	size_t n;

	if (m->data[m->size - 1] != '\n')
		m->data[m->size++] = '\n';
	n = lines_of(from, m->size - c->at, BLOCK_BYTES);
	n = lines_within(from, n, c->max_line);
	if (n == 0)
		return next_line(c, block, len);
	*block = from;
	*len = n;
	c->at += n;
	c->first = c->line + 1;
	c->line += lines_count(from, n);
	return ENDPOINT_RECORD;
}

/* The whole body as one line. */
static enum endpoint_status
next_whole(struct amqp_cursor *c, char **line, size_t *len)
{
	*line = c->message.data;
	*len = c->at = c->message.size;
	c->first = ++c->line;
	c->refusal = "the message is too long";
	return *len > c->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

bool
amqp_cursor_next(struct amqp_cursor *c, bool lines, char **part, size_t *len,
    enum endpoint_status *status)
{
	/* A message that is read whole has one line even when it is empty. */
	if (!c->in_hand ||
	    (amqp_cursor_is_done(c) && (!c->whole || c->line > 0)))
		return false;
	c->refusal = amqp_message_refusal(&c->message);
	if (c->refusal != NULL) {
		c->first = ++c->line;
		c->at = c->message.size;
		*status = ENDPOINT_TOOLONG;
	} else if (c->whole) {
		*status = next_whole(c, part, len);
	} else if (lines) {
		*status = next_line(c, part, len);
	} else {
		*status = next_block(c, part, len);
	}
	return true;
}
