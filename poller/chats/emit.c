/*
 * emit: see emit.h.
 */
#include "poller/chats/emit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/digest/random.h"
#include "common/json/jsonw.h"

void
emit_init(struct emit *e, struct endpoint *to, const char *tenant)
{
	*e = (struct emit){ .to = to, .tenant = tenant };
}

void
emit_release(struct emit *e)
{
	buf_release(&e->line);
	buf_release(&e->whole);
	buf_release(&e->prefix);
}

static void
add_snapshot_line(struct emit *e)
{
	buf_add(&e->whole, e->line.data, e->line.len);
	buf_addc(&e->whole, '\n');
}

static void
publish_lines(struct emit *e)
{
	const char *line = buf_str(&e->whole), *end;

	for (; !e->broken && *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		if (endpoint_write(e->to, line, (size_t)(end - line)) != 0)
			e->broken = true;
	}
	buf_clear(&e->whole);
}

/* Begins a marker. */
static void
open_marker(struct emit *e, const char *state, int64_t at)
{
	buf_clear(&e->line);
	jsonw_open_record(&e->line, "snapshot", e->tenant);
	jsonw_str(&e->line, "state", state);
	jsonw_str(&e->line, "snapshot", e->id);
	jsonw_time(&e->line, "at", at);
}

static void
close_marker(struct emit *e)
{
	jsonw_close(&e->line);
	add_snapshot_line(e);
}

/* The time comes first, so ids sort by time. */
static void
make_snapshot_id(struct emit *e, int64_t at)
{
	char time[CLOCK_TEXT];

	clock_format(at, time);
	(void)snprintf(e->id, sizeof e->id,
	    "%.4s%.2s%.2sT%.2s%.2s%.2s%.3s-%08x", time, time + 5, time + 8,
	    time + 11, time + 14, time + 17, time + 20, (unsigned)random_32());
}

void
emit_begin(struct emit *e, int64_t at)
{
	make_snapshot_id(e, at);
	e->at = at;
	e->records = 0;
	open_marker(e, "begin", at);
	close_marker(e);
	buf_clear(&e->prefix);
	jsonw_str(&e->prefix, "tenant", e->tenant);
	jsonw_str(&e->prefix, "snapshot", e->id);
}

void
emit_record(struct emit *e, const char *type, const char *body, size_t len)
{
	buf_clear(&e->line);
	jsonw_open(&e->line);
	jsonw_str(&e->line, "type", type);
	jsonw_members(&e->line, e->prefix.data, e->prefix.len);
	jsonw_members(&e->line, body, len);
	jsonw_close(&e->line);
	add_snapshot_line(e);
	e->records++;
}

void
emit_end(struct emit *e, int64_t at)
{
	open_marker(e, "end", at);
	jsonw_int(&e->line, "records", (int64_t)e->records);
	close_marker(e);
	publish_lines(e);
}
