/*
 * notify: see notify.h. Each thread that ever called notify_alive() has a slot
 * with the time of its last call. The thread that calls when a notification is
 * due checks all slots.
 */
#define _DEFAULT_SOURCE /* SOCK_CLOEXEC, MSG_NOSIGNAL */

#include "common/os/notify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"

/* Fractions of WatchdogSec: how often the manager is notified, because a
 * message may be lost, and how long a thread may take between two calls. */
#define NOTIFY_PART 4
#define TURN_PART 2
/* How long READY=1 waits for a busy manager, because it is sent only once. */
#define READY_S 5

struct thread_slot {
	atomic_llong turned_ms; /* 0: the thread is idle */
	atomic_bool taken;
	struct thread_slot *next;
	bool aside; /* set only by its own thread */
};

static struct {
	int fd;
	struct sockaddr_un to;
	socklen_t len; /* length of the address; 0: nobody listens */
	/* 0: none. Set last, because other threads may be running. */
	atomic_llong watchdog_ms;
	atomic_llong next_ms;
	atomic_bool ready, stopping;
	pthread_key_t slot;                /* the slot of the calling thread */
	struct thread_slot *_Atomic slots; /* grows only */
} manager;

/* Returns the number in an environment variable; 0: none. */
static int64_t
number_in_environment(const char *name)
{
	const char *text = getenv(name);
	int64_t n;

	if (text == NULL || parse_int(text, 1, INT64_MAX, &n) != 0)
		return 0;
	return n;
}

static int64_t
watchdog_of_environment(void)
{
	int64_t us = number_in_environment("WATCHDOG_USEC"),
		pid = number_in_environment("WATCHDOG_PID");

	if (us == 0 || (pid != 0 && pid != getpid()))
		return 0;
	return us < 1000 * NOTIFY_PART ? NOTIFY_PART : us / 1000;
}

/* '@' represents the zero byte before an abstract name. */
static int
set_manager_address(const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || path[1] == '\0' ||
	    len >= sizeof manager.to.sun_path)
		return -1;
	manager.to.sun_family = AF_UNIX;
	memcpy(manager.to.sun_path, path, len);
	if (path[0] == '@')
		manager.to.sun_path[0] = '\0';
	else
		len++;
	manager.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

/* Frees the slot of a thread that has ended. */
static void
free_slot(void *p)
{
	struct thread_slot *slot = p;

	atomic_store(&slot->turned_ms, 0);
	slot->aside = false;
	atomic_store(&slot->taken, false);
}

static void
connect_manager(void)
{
	const struct timeval timeout = { .tv_sec = READY_S };
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || path[0] == '\0')
		return;
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager.fd < 0 || set_manager_address(path) != 0) {
		log_warn("NOTIFY_SOCKET '%s' is not a local socket; the "
			 "service manager gets no status",
		    path);
		if (manager.fd >= 0)
			(void)close(manager.fd);
		return;
	}
	(void)setsockopt(
	    manager.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (pthread_key_create(&manager.slot, free_slot) == 0)
		atomic_store(&manager.watchdog_ms, watchdog_of_environment());
}

static void
notify_manager(const char *what, int flags)
{
	if (manager.len > 0)
		(void)sendto(manager.fd, what, strlen(what),
		    MSG_NOSIGNAL | flags, (const struct sockaddr *)&manager.to,
		    manager.len);
}

void
notify_ready(void)
{
	if (!atomic_exchange(&manager.ready, true))
		notify_manager("READY=1", 0);
}

/* Returns the slot of the calling thread. */
static struct thread_slot *
thread_slot(void)
{
	struct thread_slot *slot = pthread_getspecific(manager.slot);

	if (slot != NULL)
		return slot;
	slot = atomic_load(&manager.slots);
	while (slot != NULL && atomic_exchange(&slot->taken, true))
		slot = slot->next;
	if (slot == NULL) {
		slot = xcalloc(1, sizeof *slot);
		atomic_store(&slot->taken, true);
		slot->next = atomic_load(&manager.slots);
		while (!atomic_compare_exchange_weak(
		    &manager.slots, &slot->next, slot))
			;
	}
	(void)pthread_setspecific(manager.slot, slot);
	return slot;
}

/* True if each working thread has called notify_alive() recently. */
static bool
all_are_alive(int64_t now)
{
	const struct thread_slot *slot = atomic_load(&manager.slots);
	int64_t turned;

	for (; slot != NULL; slot = slot->next) {
		turned = atomic_load(&slot->turned_ms);
		if (turned != 0 &&
		    now - turned > manager.watchdog_ms / TURN_PART)
			return false;
	}
	return true;
}

void
notify_alive(void)
{
	struct thread_slot *slot;
	long long due;
	int64_t now;

	if (manager.watchdog_ms == 0)
		return;
	slot = thread_slot();
	if (slot->aside)
		return;
	now = clock_mono_ms();
	atomic_store(&slot->turned_ms, now);
	due = atomic_load(&manager.next_ms);
	if (now < due || !all_are_alive(now))
		return;
	if (atomic_compare_exchange_strong(&manager.next_ms, &due,
		now + manager.watchdog_ms / NOTIFY_PART))
		notify_manager("WATCHDOG=1", MSG_DONTWAIT);
}

void
notify_idle(void)
{
	struct thread_slot *slot;

	if (manager.watchdog_ms == 0)
		return;
	slot = pthread_getspecific(manager.slot);
	if (slot != NULL)
		atomic_store(&slot->turned_ms, 0);
}

void
notify_aside(void)
{
	if (manager.watchdog_ms != 0)
		thread_slot()->aside = true;
}

void
notify_stopping(void)
{
	if (!atomic_exchange(&manager.stopping, true))
		notify_manager("STOPPING=1", 0);
}

void
daemon_init(void)
{
	log_stamp(true);
	connect_manager();
}
