/*
 * serve_api: requests to the API (sink/resources/resource.h) over HTTP: who
 * asks is found out in the thread of the server, the tables are asked in a
 * thread of the queue, and what the audit wants is written before the answer
 * goes out.
 */
#ifndef SINK_SERVE_SERVE_API_H
#define SINK_SERVE_SERVE_API_H

#include "common/http/web.h"

/* Its context is a struct serve. */
web_handler serve_api_answer;

#endif
