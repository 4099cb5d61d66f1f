/*
 * server_impl: a connection of the server, with its request and its answer.
 * Private to the files that serve it: server.c has the threads and their
 * connections, server_request.c a request and its answer, event_topic.c answers
 * that stay open.
 */
#ifndef COMMON_HTTP_SERVER_IMPL_H
#define COMMON_HTTP_SERVER_IMPL_H

#include "common/base/clock.h"
#include "common/http/client_limits.h"
#include "common/http/event_topic.h"
#include "common/http/server.h"
#include "common/http/work_queue.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

enum connection_phase {
	PHASE_IDLE,    /* between two requests */
	PHASE_HEAD,    /* reads the request line and headers */
	PHASE_BODY,    /* reads the body */
	PHASE_WAITING, /* suspended: waits for a work queue or the storer */
	PHASE_ANSWER,  /* sends the answer */
	PHASE_STREAM,  /* sends an answer that stays open */
};

/* An answer that stays open. */
struct answer_stream {
	struct event_topic *topic;    /* NULL: there is no stream */
	char known[EVENT_ID_MAX + 1]; /* id of the event that the client has;
				       * "" */
	struct event_text *text;      /* being sent; NULL: none */
	const char *bytes;            /* the rest of the text to be sent */
	size_t left;
	int64_t end_ms; /* when it ends, monotonic; 0: never */
	int64_t cut_ms; /* when a stopping server ends it forcibly; 0: not
			 * yet */
	bool suspended; /* everything is sent */
	bool comments;  /* a comment line is due */
	bool ends;      /* it has to end */
	bool broken;    /* the client has closed its side */
};

/* A connection and its request, if there is one. */
struct connection {
	struct server_worker *worker;
	struct MHD_Connection *connection;
	int fd;
	struct address peer;
	enum connection_phase phase;
	int64_t phase_ms, request_ms; /* when phase and request began,
				       * monotonic */
	struct connection *next, **prev;

	/* The request. */
	struct buf target; /* the path, up to the '?' */
	const char *raw;   /* path and query, in the library's memory */
	size_t raw_len;
	struct buf body;
	size_t received;
	bool blanks; /* path or query have blanks */
	bool begun;  /* the headers have been checked */
	bool is_get; /* GET or HEAD */
	bool is_head;
	bool handled;              /* the handler has been called */
	bool sends_on;             /* refused before its body was read */
	int refusal;               /* a status by the server itself; 0: none */
	int retry_after;           /* for a refusal, in seconds; 0: none */
	char client[ADDRESS_TEXT]; /* as peer in struct web_request */
	char from[ADDRESS_TEXT];   /* as in struct web_request */
	struct web_request request;
	struct web_answer answer;
	struct work_queue_job job; /* while a work queue makes the answer */
	struct pending_request pending;
	bool safe; /* all its lines are stored */
	struct answer_stream stream;
};

/* A second descriptor of a refused connection whose client still sends. */
#define LINGERERS 16
struct lingerer {
	int fd;
	int64_t end_ms; /* when it is closed; 0: the slot is free */
};

/* A thread and the connections it serves. */
struct server_worker {
	struct server *server;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool started;
	int wake; /* an eventfd: done is not empty, or the server stops */
	int64_t accept_ms; /* accepts nothing before this time */
	int64_t swept_ms;  /* last check of the deadlines */
	int64_t looked_ms; /* last look for news for the streams */
	struct connection *connections;
	struct connection *arriving; /* while the library takes it over */
	size_t connections_n, waiting_n, streams_n;
	struct lingerer lingerers[LINGERERS];
	size_t lingerers_n;

	pthread_mutex_t lock;
	struct pending_request *done; /* to be resumed; protected by the lock */
};

static inline void
server_set_phase(struct connection *c, enum connection_phase phase)
{
	c->phase = phase;
	c->phase_ms = clock_mono_ms();
}

/* True if the client has closed or reset the connection; for connections that
 * the library does not watch. */
bool server_has_left(const struct connection *c);

/* Resumes a suspended connection in its thread. Called in any thread, once for
 * each suspension; the connection may be gone when it returns. */
void server_resume(struct connection *c);

/* The callbacks of libmicrohttpd for requests. */
void *server_begin_request(
    void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *data,
    size_t *len, void **ctx);
void server_end_request(void *cls, struct MHD_Connection *connection,
    void **ctx, enum MHD_RequestTerminationCode how);

/* Frees the memory of a request whose connection ends. */
void server_release_request(struct connection *c);

/* Returns the response that sends the events of c->answer.events; NULL: out of
 * memory. */
struct MHD_Response *server_begin_stream(struct connection *c);
/* Frees the data of a stream, if there is one. */
void server_end_stream(struct connection *c);
/* Sends due comments, ends a stream whose time has passed, and detects a client
 * that has disconnected. */
void server_tend_stream(struct connection *c, int64_t now, bool stopping);
/* Resumes a suspended stream whose topic has news. */
void server_wake_stream(struct connection *c);

#endif
