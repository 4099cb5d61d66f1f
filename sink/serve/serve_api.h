/*
 * serve_api: requests to the API (sink/resources/resource.h) over HTTP: who
 * asks is found out in the thread of the server, the tables are asked in a
 * thread of the queue, and what the audit wants is written before the answer
 * goes out.
 */
#ifndef SINK_SERVE_SERVE_API_H
#define SINK_SERVE_SERVE_API_H

#include "sink/serve/serve.h"

#include <stddef.h>

/* Its context is a struct serve. */
web_handler serve_api_answer;

/* What the audit wants of the answer, which has so many rows. False: it cannot
 * be written, and the answer says so instead. */
bool serve_write_down(const struct serve *s, const struct viewer *v,
    const struct web_request *r, struct web_answer *a, size_t rows);

#endif
