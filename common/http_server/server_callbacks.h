/*
 * server_callbacks: what a program does with the requests of its server. The
 * server reads a request, calls handle(), which fills the answer; has the lines
 * in it, if any, stored by store(); and sends the answer.
 *
 * What takes long is not done in handle(), whose thread serves other
 * connections: the answer names a handler and a work queue that makes it, see
 * struct web_answer.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_CALLBACKS_H
#define COMMON_HTTP_SERVER_SERVER_CALLBACKS_H

#include "common/http/pending_request.h"
#include "common/http/web.h"

/* Makes the answer to a request that the server itself refuses, whose status,
 * and the time to wait, are set; body and headers are empty. Called in any
 * thread of the server. */
typedef void server_refuser(int status, struct web_answer *a);

/* Makes the lines of a request safe, and calls p->done() once: with false when
 * it cannot, which answers 503. Called in any thread of the server or of a work
 * queue; does not wait; may call done() before it returns. */
typedef void server_storer(const void *context, struct pending_request *p);

struct server_callbacks {
	/* Called once for each request that has come in whole and is not
	 * refused by the server itself. */
	web_handler *handle;
	/* Called for each answer below 300 that has lines. NULL: no handler
	 * leaves lines. */
	server_storer *store;
	/* NULL: {"detail": the text of the status}. */
	server_refuser *refuse;
	/* Of handle and store, and of web_answer.later; borrowed until
	 * server_close(). */
	const void *context;
};

#endif
