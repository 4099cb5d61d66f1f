/*
 * endpoint_kind: see endpoint_kind.h.
 */
#include "common/endpoint/endpoint_kind.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

/* A flush that waits for ever answers LATER after so long without progress. */
#define FLUSH_MS 3000
/* After a signal: how long answers that are on their way are waited for, but no
 * longer than until so shortly before the end. */
#define STOP_MS 3000
#define STOP_SPARE_MS 2500

struct endpoint_timeout
endpoint_timeout(const struct endpoint_options *opt)
{
	return (struct endpoint_timeout){ opt->wait_forever,
		conf_int(opt->conf, "amqp", "wait_timeout") };
}

static int64_t
timeout_after_signal_ms(void)
{
	int64_t left = stop_left_ms() - STOP_SPARE_MS;

	if (left <= 0)
		return 0;
	return left < STOP_MS ? left : STOP_MS;
}

int64_t
endpoint_timeout_ms(const struct endpoint_timeout *p, bool up, bool flushing)
{
	if (stop_asked())
		return up ? timeout_after_signal_ms() : 0;
	if (!p->for_ever)
		return p->timeout_ms;
	return flushing ? FLUSH_MS : -1;
}

void
endpoint_trace_sent(
    uint64_t before, uint64_t lines, size_t bytes, int64_t sent_us)
{
	log_trace("trace_sent",
	    "before=%" PRIu64 " lines=%" PRIu64 " bytes=%zu sent=%" PRId64
	    " confirmed=%" PRId64,
	    before, lines, bytes, sent_us, clock_mono_us());
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
