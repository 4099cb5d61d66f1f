/*
 * flush_answers: tells the writers of flushes (flush.h) whether they are
 * stored. The last line of a round of flushes asks for it:
 *
 *   {"type":"sent","writer":R,"n":N,"flushes":F}
 *
 * and the answer goes to the writer over the broker (endpoint_reply()), once
 * everything before that line is safe:
 *
 *   {"writer":R,"n":N,"result":"stored"}
 *   {"writer":R,"n":N,"result":"refused","tenant":T,"reason":"..."}
 *   {"writer":R,"n":N,"result":"again"}
 *
 * "again": this run of the sink has not seen all F flushes of the round; a sink
 * that was killed had acknowledged parts of an incomplete one, or stored some.
 * The writer sends all of them again, also if it gets no answer.
 */
#ifndef SINK_READ_FLUSH_ANSWERS_H
#define SINK_READ_FLUSH_ANSWERS_H

#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "sink/rows/flush.h"

struct asked;

struct flush_answers {
	struct endpoint *in;

	/* private */
	struct strmap rounds; /* writer -> its newest round */
	struct asked *list;   /* in order of arrival */
	size_t n, cap;
	uint64_t begun, confirmed; /* numbers of flushes of the stage */
};

/* `in` is borrowed. */
void flush_answers_init(struct flush_answers *a, struct endpoint *in);
void flush_answers_release(struct flush_answers *a);

/* A flush was read completely. */
void flush_answers_read(struct flush_answers *a, const struct flush *f);
/* It was refused. */
void flush_answers_refuse(struct flush_answers *a, const struct flush *f);

/* The input asks for an answer. */
void flush_answers_ask(struct flush_answers *a, const struct sent *s);

/* The stage begins a flush: it makes everything safe that was read so far. */
void flush_answers_flush(struct flush_answers *a);
/* n flushes are confirmed: sends the answers that waited for them. */
void flush_answers_confirm(struct flush_answers *a, size_t n);

#endif
