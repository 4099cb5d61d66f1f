/*
 * daemon: a program that runs for ever; see daemon.h.
 */
#include "common/os/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

/* Formatted beforehand: a signal handler may do little more than write(2). */
static struct buf refusal = BUF_INIT;

static void
refuse_reload(int sig)
{
	int saved = errno;
	ssize_t n = write(STDERR_FILENO, refusal.data, refusal.len);

	(void)sig;
	(void)n; /* there is nobody to report it to */
	errno = saved;
}

static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
daemon_init(void)
{
	struct sigaction sa = { .sa_handler = refuse_reload }, old;

	log_stamp(true);
	notify_open();
	if (sigaction(SIGHUP, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
		return;
	buf_setf(&refusal,
	    "%s%s: SIGHUP: the configuration is read at the start only; "
	    "restart to read it\n",
	    log_prefix(LOG_LEVEL_WARN), prog_name());
	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_RESTART;
	if (has_terminal()) {
		sa.sa_handler = stop_on_signal;
		sa.sa_flags = 0; /* waits end at once */
	}
	sigaction(SIGHUP, &sa, NULL);
}
