/*
 * endpoint_impl: an open endpoint, whatever its kind. Private to this folder.
 * Calls go one way:
 *
 *   endpoint.c               finds the kind by the name
 *   endpoint_stdio.c         -, files
 *   endpoint_amqp_read.c     queue:NAME, reading
 *   endpoint_amqp_write.c    queue:NAME, writing
 *   endpoint_amqp_reply.c    answers to the writers of messages that were read
 *   endpoint_amqp.c          the link of both
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_IMPL_H
#define COMMON_ENDPOINT_ENDPOINT_IMPL_H

#include "common/endpoint/endpoint.h"

/* The functions of an open endpoint; NULL: it lacks this one. */
struct endpoint_ops {
	/* Reads a line or, if blocks, a block. */
	enum endpoint_status (*read)(struct endpoint *e, bool blocks,
	    char **part, size_t *len, int timeout_ms);
	struct endpoint_mark (*mark)(const struct endpoint *e);
	void (*ack_to)(struct endpoint *e, const struct endpoint_mark *mark);
	int (*write)(struct endpoint *e, const char *line, size_t len);
	enum outcome (*flush)(struct endpoint *e);
	void (*pump)(struct endpoint *e);
	/* behind: the number of lines of the last block that follow the line in
	 * question. */
	void (*where)(
	    const struct endpoint *e, uint64_t behind, struct buf *where);
	bool (*is_up)(const struct endpoint *e);
	void (*close)(struct endpoint *e);
};

/* The first member of the struct of each kind, which sets ops and name. */
struct endpoint {
	const struct endpoint_ops *ops;
	char *name;
	struct buf why;
	struct buf where;
	const char *block_end; /* of the last block */
	const char *refusal;   /* NULL: the line is too long */
	enum exit_code code;
};

/* Open an endpoint; see endpoint_open_read(). The names are valid, and those of
 * queues have no prefix. */
struct endpoint *endpoint_stdio_open(const char *name, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_amqp_open_read(const char *queue,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_amqp_open_write(const char *queue,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

#endif
