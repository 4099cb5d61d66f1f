/*
 * model_stream: a model as a stream keeps it, for the tests of the model.
 */
#ifndef TESTS_MODEL_STREAM_H
#define TESTS_MODEL_STREAM_H

#include "tests/unit/unit.h"

#include "aggregator/model/model.h"
#include "aggregator/model/model_pack.h"

/* Of tenant t. Chats stay for ever, unless the test sets m->memory. */
static inline void
model_stream_begin(struct model *m, int64_t window)
{
	model_init(m, (struct text){ "t", 1 }, true, CLOCK_NONE);
	m->incremental = true;
	m->window = window;
	m->definition = &definition_ours;
}

static inline void
model_stream_flush(struct model *m)
{
	model_recompute(m, &definition_ours);
	model_clear_changed(m);
}

/* One of its chats goes into another model; of the messages that it has, the
 * caller's fetch knows. */
static inline void
model_stream_restart(
    struct model *m, const struct chat *c, void (*begin)(struct model *m))
{
	struct buf b[2] = { BUF_INIT, BUF_INIT };

	model_pack_tenant(m, &b[0]);
	model_pack_chat(m, c, &b[1]);
	model_release(m);
	begin(m);
	assert_int_equal(model_unpack_tenant(m, b[0].data, b[0].len), 0);
	assert_int_equal(model_unpack_chat(m, b[1].data, b[1].len, 1), 0);
	buf_release(&b[0]);
	buf_release(&b[1]);
}

#endif
