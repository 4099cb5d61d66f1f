/*
 * crm-sim: a simulated Chat2Desk. It serves the public API on the loopback from
 * worlds created from a seed, on a clock that can be frozen, moved and
 * accelerated, and it fails on demand. For tests and the demo.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "tests/crm/options.h"
#include "tests/crm/past.h"
#include "tests/crm/server.h"

/* TOKEN:SEED[:DIALOGS], cut in place. */
static int
make_account(struct settings *s, char *text, struct world *w)
{
	struct world_options opt = s->world;
	char *seed = strchr(text, ':'), *dialogs;
	int64_t n;

	*seed++ = '\0';
	dialogs = strchr(seed, ':');
	if (dialogs != NULL) {
		*dialogs++ = '\0';
		if (parse_int(dialogs, 0, 1000000, &opt.dialogs) != 0)
			return -1;
	}
	if (parse_int(seed, 0, INT64_MAX / 2, &n) != 0)
		return -1;
	opt.token = text;
	opt.seed = (uint64_t)n;
	past_make(w, &opt);
	return 0;
}

static void
set_webhooks(struct world *w, const char *url)
{
	for (size_t i = 0; i < PUSH_KINDS; i++)
		w->webhooks[i] = (struct webhook){ xstrdup(url), true };
}

static int
make_worlds(struct settings *s)
{
	struct sim *sim = &s->sim;

	sim->worlds_n = s->accounts_n > 0 ? s->accounts_n : 1;
	sim->worlds = xcalloc(sim->worlds_n, sizeof *sim->worlds);
	sim->now_ms = s->world.start_ms;
	if (s->accounts_n == 0)
		past_make(&sim->worlds[0], &s->world);
	for (size_t i = 0; i < s->accounts_n; i++)
		if (make_account(s, s->accounts[i], &sim->worlds[i]) != 0)
			return prog_usage_error(
			    "--account wants TOKEN:SEED[:DIALOGS]");
	sim->mono_ms = clock_mono_ms();
	if (s->world.qiscus || s->world.chatwoot)
		sim->push = push_new(s->world.seed);
	for (size_t i = 0; s->webhooks != NULL && i < sim->worlds_n; i++)
		set_webhooks(&sim->worlds[i], s->webhooks);
	return PROG_OK;
}

static char *
read_file(const char *path)
{
	struct buf text = BUF_INIT;

	if (file_read_path(path, &text) == 0)
		return buf_take(&text);
	log_error("cannot read '%s': %s", path, log_errno(errno));
	buf_release(&text);
	return NULL;
}

static enum exit_code
write_port(const char *path, int port, struct buf *why)
{
	char text[16];
	int len = snprintf(text, sizeof text, "%d\n", port);

	return file_replace(path, 0644, text, (size_t)len, why);
}

static int
serve(struct settings *s, const char *cert, const char *key)
{
	struct buf why = BUF_INIT;
	struct server *server =
	    server_open(&s->sim, (int)s->port, cert, key, &why);
	enum exit_code code = server != NULL ? PROG_OK : PROG_TEMPFAIL;

	if (server != NULL && s->port_file != NULL)
		code = write_port(s->port_file, server_port(server), &why);
	if (code == PROG_OK) {
		log_info("listening", "port=%d", server_port(server));
		server_run(server);
	} else {
		log_error("%s", buf_str(&why));
	}
	if (server != NULL)
		server_close(server);
	buf_release(&why);
	return (int)code;
}

/* With TLS, if there is a certificate. */
static int
open_and_serve(struct settings *s)
{
	char *cert = NULL, *key = NULL;
	int code = PROG_NOINPUT;

	if (s->cert == NULL || s->key == NULL)
		code = serve(s, NULL, NULL);
	else if ((cert = read_file(s->cert)) != NULL &&
		 (key = read_file(s->key)) != NULL)
		code = serve(s, cert, key);
	free(cert);
	free(key);
	return code;
}

int
main(int argc, char **argv)
{
	static struct settings s;
	int code, parent = getppid();

	prog_init(argv[0]);
	stop_init();
	code = options_read(&s, argc, argv);
	if (code >= 0)
		return code;
	if (s.die_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent) /* the parent ended before that call */
			return PROG_OK;
	}
	code = make_worlds(&s);
	if (code == PROG_OK)
		code = open_and_serve(&s);
	push_free(s.sim.push);
	buf_release(&s.sim.report);
	for (size_t i = 0; i < s.sim.worlds_n; i++)
		world_release(&s.sim.worlds[i]);
	free(s.sim.worlds);
	return code;
}
