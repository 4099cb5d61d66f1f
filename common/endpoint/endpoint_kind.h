/*
 * endpoint_kind: the kinds of names, as rows of the table in endpoint.c, and
 * the functions of the endpoints that they open. Private to this folder. Calls
 * go one way:
 *
 *   endpoint.c               picks the kind by the name
 *   endpoint_stdio.c         -, files
 *   endpoint_amqp.c          queue:NAME, exchange:NAME
 *     endpoint_amqp_read.c   one end
 *     endpoint_amqp_write.c  the other end
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_KIND_H
#define COMMON_ENDPOINT_ENDPOINT_KIND_H

#include "common/endpoint/endpoint.h"

/* A kind of names. */
struct endpoint_kind {
	const char *prefix; /* "queue:", or "" for all other names */
	/* Both get the name after the prefix. check may be NULL. */
	int (*check)(const char *rest, enum endpoint_use use, struct buf *why);
	struct endpoint *(*open)(const char *rest, bool writing,
	    const struct endpoint_options *opt, struct buf *why,
	    enum exit_code *code);
};

/* The functions of an open endpoint; NULL: it lacks this one. */
struct endpoint_ops {
	enum endpoint_status (*read)(
	    struct endpoint *e, char **line, size_t *len, int timeout_ms);
	enum endpoint_status (*read_block)(
	    struct endpoint *e, char **block, size_t *len, int timeout_ms);
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

/* The first member of the struct of each kind, whose open() sets ops and
 * name. */
struct endpoint {
	const struct endpoint_ops *ops;
	char *name;
	struct buf why;
	struct buf where;
	const char *block_end; /* of the last block */
	const char *refusal;   /* NULL: the line is too long */
	enum exit_code code;
};

extern const struct endpoint_kind endpoint_stdio;
extern const struct endpoint_kind endpoint_queue;
extern const struct endpoint_kind endpoint_exchange;

#endif
