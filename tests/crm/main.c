/*
 * crm-sim: a simulated Chat2Desk. It serves the public API on the loopback from
 * worlds created from a seed, on a clock that can be frozen, moved and
 * accelerated, and it fails on demand. For tests and the demo.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		n = read(fd, buf_room(&text, 4096), 4096);
		buf_grown(&text, n > 0 ? (size_t)n : 0);
	}
	if (n < 0)
		log_error("cannot read '%s': %s", path, log_errno(errno));
	if (fd >= 0)
		close(fd);
	if (n == 0)
		return buf_take(&text);
	buf_release(&text);
	return NULL;
}

/* Written under another name first, so that every reader sees the whole
 * file. */
static int
write_port(const char *path, int port)
{
	char *draft = xasprintf("%s.new", path);
	FILE *f = fopen(draft, "w");
	bool bad = f == NULL;

	if (f != NULL) {
		fprintf(f, "%d\n", port);
		bad = fclose(f) != 0 || rename(draft, path) != 0;
	}
	if (bad)
		log_error("cannot write '%s': %s", path, log_errno(errno));
	free(draft);
	return bad ? -1 : 0;
}

static int
serve(struct settings *s)
{
	struct buf why = BUF_INIT;
	char *cert = NULL, *key = NULL;
	struct server *server = NULL;
	int code = PROG_OK;

	if (s->cert != NULL && s->key != NULL) {
		cert = read_file(s->cert);
		key = read_file(s->key);
		if (cert == NULL || key == NULL)
			code = PROG_NOINPUT;
	}
	if (code == PROG_OK)
		server = server_open(&s->sim, (int)s->port, cert, key, &why);
	if (code == PROG_OK && server == NULL) {
		log_error("%s", buf_str(&why));
		code = PROG_TEMPFAIL;
	}
	if (server != NULL && s->port_file != NULL &&
	    write_port(s->port_file, server_port(server)) != 0)
		code = PROG_CANTCREATE;
	if (server != NULL && code == PROG_OK) {
		log_info("listening", "port=%d", server_port(server));
		server_run(server);
	}
	if (server != NULL)
		server_close(server);
	free(cert);
	free(key);
	buf_release(&why);
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
		code = serve(&s);
	push_free(s.sim.push);
	buf_release(&s.sim.report);
	for (size_t i = 0; i < s.sim.worlds_n; i++)
		world_release(&s.sim.worlds[i]);
	free(s.sim.worlds);
	return code;
}
