/*
 * endpoint_amqp_open: the kinds "queue:NAME" and "exchange:NAME", rows of the
 * table in endpoint.c. Opening gives an endpoint the operations of its end:
 * endpoint_amqp_read.c or endpoint_amqp_write.c.
 */
#include "common/endpoint/endpoint_amqp.h"

static struct endpoint *
amqp_open(const char *rest, bool writing, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	return writing ? endpoint_amqp_open_write(rest, false, opt, why, code)
		       : endpoint_amqp_open_read(rest, opt, why, code);
}

static struct endpoint *
exchange_open(const char *rest, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	if (writing)
		return endpoint_amqp_open_write(rest, true, opt, why, code);
	buf_setf(why,
	    "'exchange:%s' can be written to only; read one of the queues "
	    "behind it",
	    rest);
	*code = PROG_USAGE;
	return NULL;
}

const struct endpoint_ops endpoint_amqp_ops = {
	.prefix = "queue:",
	.open = amqp_open,
};

const struct endpoint_ops endpoint_exchange_ops = {
	.prefix = "exchange:",
	.open = exchange_open,
};
