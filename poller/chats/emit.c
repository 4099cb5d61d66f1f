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
	*e = (struct emit){ .to = to,
		.tenant = tenant,
		.spread = endpoint_is_exchange(endpoint_name(to)) };
}

void
emit_release(struct emit *e)
{
	buf_release(&e->line);
	buf_release(&e->whole);
	buf_release(&e->prefix);
	flat_release(&e->flat);
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

/* Begins the marker of a part; BUCKET_PARTS means the whole snapshot. */
static void
open_marker(struct emit *e, const char *state, int64_t at, unsigned part)
{
	buf_clear(&e->line);
	jsonw_open_record(&e->line, "snapshot", e->tenant);
	jsonw_str(&e->line, "state", state);
	jsonw_str(&e->line, "snapshot", e->id);
	jsonw_time(&e->line, "at", at);
	if (part < BUCKET_PARTS)
		jsonw_int(&e->line, "bucket", part);
}

static void
write_begin(struct emit *e, unsigned part)
{
	open_marker(e, "begin", e->at, part);
	jsonw_close(&e->line);
	add_snapshot_line(e);
}

static void
write_end(struct emit *e, int64_t at, unsigned part, uint64_t records)
{
	open_marker(e, "end", at, part);
	jsonw_int(&e->line, "records", (int64_t)records);
	jsonw_close(&e->line);
	add_snapshot_line(e);
}

/* Writes the part's begin marker unless it was already written. */
static void
begin_part(struct emit *e, unsigned part)
{
	if (bucket_set_has(&e->begun, part))
		return;
	bucket_set_add(&e->begun, part);
	e->parts[part] = 0;
	write_begin(e, part);
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
	e->begun = (struct bucket_set){ .all = false };
	if (e->spread)
		begin_part(e, BUCKET_ALL);
	else
		write_begin(e, BUCKET_PARTS);
	buf_clear(&e->prefix);
	jsonw_str(&e->prefix, "tenant", e->tenant);
	jsonw_str(&e->prefix, "snapshot", e->id);
}

static void
make_record(struct emit *e, const char *type, const char *body, size_t len)
{
	buf_clear(&e->line);
	jsonw_open(&e->line);
	jsonw_str(&e->line, "type", type);
	jsonw_members(&e->line, e->prefix.data, e->prefix.len);
	jsonw_members(&e->line, body, len);
	jsonw_close(&e->line);
}

/* The part to which the endpoint will route e->line. */
static unsigned
part_of_line(struct emit *e)
{
	return bucket_of_line(&e->flat, e->line.data, e->line.len);
}

void
emit_record(struct emit *e, const char *type, const char *body, size_t len)
{
	unsigned part;

	make_record(e, type, body, len);
	if (e->spread) {
		part = part_of_line(e);
		if (!bucket_set_has(&e->begun, part)) {
			begin_part(e, part);
			make_record(e, type, body, len);
		}
		e->parts[part]++;
	}
	add_snapshot_line(e);
	e->records++;
}

void
emit_end(struct emit *e, int64_t at)
{
	unsigned part;

	if (!e->spread)
		write_end(e, at, BUCKET_PARTS, e->records);
	for (part = 0; e->spread && part < BUCKET_PARTS; part++) {
		begin_part(e, part);
		write_end(e, at, part, e->parts[part]);
	}
	publish_lines(e);
}
