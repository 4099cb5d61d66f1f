/*
 * server_impl: what the server's connections and requests share. Private to
 * server*.c.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_IMPL_H
#define COMMON_HTTP_SERVER_SERVER_IMPL_H

#include "common/http_server/server.h"
#include "common/http_server/work_queue.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum phase {
	PHASE_IDLE,    /* between two requests */
	PHASE_HEAD,    /* headers are to come */
	PHASE_BODY,    /* its body is */
	PHASE_WAITING, /* its records are made, or on their way to safety */
	PHASE_ANSWER,  /* the answer goes out */
};

/* One connection, and its request, if there is one. */
struct connection {
	struct worker *worker;
	struct MHD_Connection *connection;
	int fd;
	struct address peer;
	enum phase phase;
	int64_t phase_ms, request_ms; /* when they began */
	struct connection *next, **prev;

	/* The request. */
	struct buf target; /* path, NUL, and what is behind the '?' */
	const char *raw;   /* the same, all of it, where the library has it */
	size_t raw_len;
	struct buf body;
	size_t received;
	bool blanks;     /* within the target */
	bool begun;      /* the headers were looked at */
	bool is_get;     /* GET or HEAD */
	bool asked;      /* the handler was */
	bool sends_on;   /* refused, and its body is not read */
	int refusal;     /* a status of the server's own; 0: none */
	int retry_after; /* of that */
	char client[ADDRESS_TEXT];
	struct web_request request;
	struct web_answer answer;
	struct work_queue_job job; /* while a work queue makes the answer */
	struct pending_request pending;
	bool safe; /* all its lines are stored */
};

/* Connections that were refused and are still sent to, of a worker. */
#define LINGERERS 16
struct lingerer {
	int fd;
	int64_t end_ms; /* 0: a free place */
};

struct worker {
	struct server *server;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool started;
	int wake;                    /* an eventfd */
	int64_t accept_ms, swept_ms; /* not to accept before; last sweep */
	struct connection *connections;
	struct connection *arriving; /* while it is made */
	size_t guests_n, waiting_n;
	struct lingerer lingerers[LINGERERS];
	size_t lingerers_n;

	pthread_mutex_t lock;
	struct pending_request *done; /* of those that wait no more */
};

struct server {
	struct server_options opt;
	struct worker *workers;
	size_t n;
	atomic_bool stopping;
	/* After it work queues begin nothing; 0: no limit. */
	atomic_llong queues_end_ms;
	atomic_size_t held; /* bytes of all bodies */
};

/* The headers of a request, as far as the server cares. */
struct headers {
	unsigned lengths, encodings, hosts, n;
	unsigned seen; /* a bit for each that may come only once */
	bool chunked, odd;
	const char *next; /* where the next one must begin */
	uint64_t length;
	struct buf forwarded;
};

/* Into *h, which begins as zeros; its forwarded is the caller's then. The
 * status that they deserve, or the request had already; 0: none. method and
 * version are the library's own. */
int server_read_headers(const struct connection *g, const char *method,
    const char *version, struct headers *h);

/* The callbacks of libmicrohttpd that concern requests. */
void *server_begin_request(
    void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *data,
    size_t *len, void **ctx);
void server_end_request(void *cls, struct MHD_Connection *connection,
    void **ctx, enum MHD_RequestTerminationCode how);

/* A new phase begins now. */
void server_enter(struct connection *g, enum phase phase);

/* Forgets the request; keeps a little memory for the next one. */
void server_forget(struct connection *g);
void server_release(struct connection *g);

#endif
