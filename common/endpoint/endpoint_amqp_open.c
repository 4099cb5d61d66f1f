/*
 * endpoint_amqp_open: the kinds "queue:NAME" and "exchange:NAME", rows of the
 * table in endpoint.c. Opening gives an endpoint the operations of its end:
 * endpoint_amqp_read.c or endpoint_amqp_write.c.
 */
#include "common/endpoint/endpoint_amqp.h"

static int
amqp_check(const char *rest, enum endpoint_use use, struct buf *why)
{
	(void)use;
	return endpoint_amqp_check_name("queue", rest, why);
}

static struct endpoint *
amqp_open(const char *rest, bool writing, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	return writing ? endpoint_amqp_open_write(rest, false, opt, why, code)
		       : endpoint_amqp_open_read(rest, opt, why, code);
}

static int
exchange_check(const char *rest, enum endpoint_use use, struct buf *why)
{
	if (use == ENDPOINT_TO)
		return endpoint_amqp_check_name("exchange", rest, why);
	buf_setf(why,
	    "'exchange:%s' can be written to only; read one of the queues "
	    "behind it, queue:NAME",
	    rest);
	return -1;
}

static struct endpoint *
exchange_open(const char *rest, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	(void)writing; /* always: see exchange_check() */
	return endpoint_amqp_open_write(rest, true, opt, why, code);
}

const struct endpoint_ops endpoint_amqp_ops = {
	.prefix = "queue:",
	.check = amqp_check,
	.open = amqp_open,
};

const struct endpoint_ops endpoint_exchange_ops = {
	.prefix = "exchange:",
	.check = exchange_check,
	.open = exchange_open,
};
