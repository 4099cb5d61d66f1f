/*
 * model_stream: a model as a stream keeps it, for the tests of the model.
 */
#ifndef TESTS_MODEL_STREAM_H
#define TESTS_MODEL_STREAM_H

#include "aggregator/model/model.h"

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

#endif
