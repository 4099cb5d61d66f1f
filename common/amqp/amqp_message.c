/*
 * amqp_message: see amqp_message.h.
 */
#include "common/amqp/amqp_message.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/lines.h"

void
amqp_message_release(struct amqp_message *m)
{
	free(m->id);
	free(m->key);
	if (m->data != NULL)
		free(m->data - LINES_BEFORE);
	memset(m, 0, sizeof *m);
}

void
amqp_inflow_init(struct amqp_inflow *in, size_t max)
{
	memset(in, 0, sizeof *in);
	in->ring = xcalloc(max, sizeof *in->ring);
	in->max = max;
}

void
amqp_inflow_clear(struct amqp_inflow *in)
{
	amqp_message_release(&in->incoming);
	in->phase = AMQP_PHASE_METHOD;
	while (in->n > 0) {
		amqp_message_release(&in->ring[in->head]);
		in->head = (in->head + 1) % in->max;
		in->n--;
	}
	in->bytes = 0;
}

void
amqp_inflow_release(struct amqp_inflow *in)
{
	amqp_inflow_clear(in);
	free(in->ring);
	in->ring = NULL;
}

struct amqp_message
amqp_inflow_next(struct amqp_inflow *in)
{
	struct amqp_message m = in->ring[in->head];

	memset(&in->ring[in->head], 0, sizeof m);
	in->head = (in->head + 1) % in->max;
	in->n--;
	in->bytes -= m.len;
	return m;
}

static void
keep_message(struct amqp_inflow *in)
{
	size_t i = (in->head + in->n) % in->max;

	in->ring[i] = in->incoming;
	in->bytes += in->incoming.len;
	memset(&in->incoming, 0, sizeof in->incoming);
	in->n++;
	in->phase = AMQP_PHASE_METHOD;
}

static bool
start_message(struct amqp_inflow *in, const amqp_frame_t *f)
{
	const amqp_basic_deliver_t *d = f->payload.method.decoded;
	struct amqp_message *m = &in->incoming;

	if (f->payload.method.id != AMQP_BASIC_DELIVER_METHOD)
		return true;
	if (in->n == in->max)
		return false;
	m->tag = d->delivery_tag;
	if (in->with_keys) {
		m->key = xstrndup(d->routing_key.bytes, d->routing_key.len);
		m->key_len = d->routing_key.len;
	}
	in->phase = AMQP_PHASE_HEADER;
	return true;
}

/* Allocates space for a body and a newline, which the body may lack. */
static char *
body_room(size_t size)
{
	char *p = xmalloc(LINES_BEFORE + size + 1 + LINES_BEHIND);

	memset(p, 0, LINES_BEFORE);
	memset(p + LINES_BEFORE + size, 0, 1 + LINES_BEHIND);
	return p + LINES_BEFORE;
}

/* Returns its id, owned; NULL if it has no usable id. All messages with an
 * empty id would count as one message, and control characters would break lines
 * in files and logs. */
static char *
message_id_of(const amqp_basic_properties_t *p)
{
	const unsigned char *id = p->message_id.bytes;
	size_t i;

	if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) == 0 ||
	    p->message_id.len == 0)
		return NULL;
	for (i = 0; i < p->message_id.len; i++)
		if (id[i] < ' ' || id[i] == 127)
			return NULL;
	return xstrndup(p->message_id.bytes, p->message_id.len);
}

static void
start_body(struct amqp_inflow *in, const amqp_frame_t *f)
{
	const amqp_basic_properties_t *p = f->payload.properties.decoded;
	uint64_t size = f->payload.properties.body_size;
	struct amqp_message *m = &in->incoming;

	m->id = message_id_of(p);
	m->too_long = size > in->max_message;
	m->size = (size_t)size;
	m->data = body_room(m->too_long ? 0 : m->size);
	in->phase = AMQP_PHASE_BODY;
	if (size == 0)
		keep_message(in);
}

static bool
add_body(struct amqp_inflow *in, const amqp_frame_t *f)
{
	amqp_bytes_t part = f->payload.body_fragment;
	struct amqp_message *m = &in->incoming;

	if (part.len > m->size - m->len)
		return false;
	if (!m->too_long)
		memcpy(m->data + m->len, part.bytes, part.len);
	m->len += part.len;
	if (m->len == m->size)
		keep_message(in);
	return true;
}

bool
amqp_inflow_take(struct amqp_inflow *in, const amqp_frame_t *f, bool *whole)
{
	size_t before = in->n;
	bool ok = false;

	if (f->frame_type == AMQP_FRAME_METHOD) {
		ok = in->phase == AMQP_PHASE_METHOD && start_message(in, f);
	} else if (f->frame_type == AMQP_FRAME_HEADER) {
		ok = in->phase == AMQP_PHASE_HEADER;
		if (ok)
			start_body(in, f);
	} else if (f->frame_type == AMQP_FRAME_BODY) {
		ok = in->phase == AMQP_PHASE_BODY && add_body(in, f);
	}
	*whole = in->n > before;
	return ok;
}
