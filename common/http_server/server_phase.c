/*
 * server_phase: the phases of a connection, and how one that waits goes on.
 */
#include "common/http_server/server_impl.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/base/clock.h"

void
server_set_phase(struct connection *c, enum connection_phase phase)
{
	c->phase = phase;
	c->phase_ms = clock_mono_ms();
}

bool
server_has_left(const struct connection *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
			     errno != EINTR);
}

void
server_resume(struct connection *c)
{
	struct server_worker *w = c->worker;
	uint64_t one = 1;
	bool first;

	(void)pthread_mutex_lock(&w->lock);
	first = w->done == NULL;
	c->pending.next = w->done;
	w->done = &c->pending;
	(void)pthread_mutex_unlock(&w->lock);
	/* c may be freed by now. */
	if (first && write(w->wake, &one, sizeof one) < 0)
		return;
}
