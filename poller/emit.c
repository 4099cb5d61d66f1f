/*
 * emit: see emit.h.
 */
#include "poller/emit.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/retry.h"

void
emit_init(struct emit *e, struct endpoint *to, const char *tenant)
{
	*e = (struct emit){ .to = to, .tenant = tenant };
}

void
emit_release(struct emit *e)
{
	buf_release(&e->line);
	buf_release(&e->prefix);
}

static void
write_line(struct emit *e)
{
	if (!e->broken && endpoint_write(e->to, e->line.data, e->line.len) != 0)
		e->broken = true;
}

static void
marker(struct emit *e, const char *state, int64_t at)
{
	buf_clear(&e->line);
	jsonw_open(&e->line);
	jsonw_str(&e->line, "type", "snapshot");
	jsonw_str(&e->line, "tenant", e->tenant);
	jsonw_str(&e->line, "state", state);
	jsonw_str(&e->line, "snapshot", e->id);
	jsonw_time(&e->line, "at", at);
}

/* Time first, so that ids sort as snapshots do. */
static void
make_id(struct emit *e, int64_t at)
{
	char time[CLOCK_TEXT];

	clock_format(at, time);
	(void)snprintf(e->id, sizeof e->id,
	    "%.4s%.2s%.2sT%.2s%.2s%.2s%.3s-%08x", time, time + 5, time + 8,
	    time + 11, time + 14, time + 17, time + 20,
	    (unsigned)retry_random());
}

void
emit_begin(struct emit *e, int64_t at)
{
	make_id(e, at);
	e->records = 0;
	marker(e, "begin", at);
	jsonw_close(&e->line);
	write_line(e);
	buf_clear(&e->prefix);
	/* Members come with their comma unless they follow a brace. */
	buf_adds(&e->prefix, ",\"tenant\":");
	jsonw_quote(&e->prefix, e->tenant, strlen(e->tenant));
	jsonw_str(&e->prefix, "snapshot", e->id);
}

void
emit_record(struct emit *e, const char *type, const char *body, size_t len,
    const struct buf *more)
{
	buf_clear(&e->line);
	jsonw_open(&e->line);
	jsonw_str(&e->line, "type", type);
	buf_add(&e->line, e->prefix.data, e->prefix.len);
	buf_addc(&e->line, ',');
	buf_add(&e->line, body, len);
	if (more != NULL && more->len > 0) {
		buf_addc(&e->line, ',');
		buf_add(&e->line, more->data, more->len);
	}
	jsonw_close(&e->line);
	write_line(e);
	e->records++;
}

void
emit_end(struct emit *e, int64_t at)
{
	marker(e, "end", at);
	jsonw_int(&e->line, "records", (int64_t)e->records);
	jsonw_close(&e->line);
	write_line(e);
}
