/*
 * intake: see intake.h.
 */
#include "poller/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/record.h"
#include "common/secret.h"
#include "common/xalloc.h"
#include "poller/hook.h"
#include "poller/idempotency.h"
#include "poller/listed.h"
#include "poller/profile_file.h"

#define LISTEN "listen"
#define OPENAPI_MAX ((size_t)1024 * 1024)

static int
add_key(struct intake *in, const char *key, const char *name, struct buf *why)
{
	if (key == NULL)
		return 0;
	if (strlen(key) < JWT_KEY_LEAST) {
		buf_setf(why,
		    "[listen] %s has %zu bytes, and %d random ones are the "
		    "least; make one by: openssl rand -hex 32",
		    name, strlen(key), JWT_KEY_LEAST);
		return -1;
	}
	in->jwt.keys[in->jwt.keys_n++] = key;
	return 0;
}

/* The same of a file that a key of the configuration names. */
static int
add_key_file(struct intake *in, const char *name, struct buf *why)
{
	const char *path = conf_text(in->conf, LISTEN, name);
	struct buf reason = BUF_INIT;
	char *key;

	if (path == NULL)
		return 0;
	key = secret_from_file(path, &reason);
	if (key == NULL)
		buf_setf(why, "[listen] %s: %s", name, buf_str(&reason));
	buf_release(&reason);
	if (key == NULL)
		return -1;
	in->secrets[in->jwt.keys_n] = key;
	return add_key(in, key, name, why);
}

static int
open_tokens(struct intake *in, struct buf *why)
{
	const char *key = conf_text(in->conf, LISTEN, "secret_key");

	in->jwt.issuer = conf_text(in->conf, LISTEN, "issuer");
	in->jwt.audience = conf_text(in->conf, LISTEN, "audience");
	in->jwt.tenant_claim = conf_text(in->conf, LISTEN, "tenant_claim");
	if (key != NULL &&
	    conf_text(in->conf, LISTEN, "secret_key_file") != NULL) {
		buf_setf(why, "[listen] has both secret_key and "
			      "secret_key_file; remove one");
		return -1;
	}
	if (add_key(in, key, "secret_key", why) != 0 ||
	    add_key_file(in, "secret_key_file", why) != 0)
		return -1;
	if (in->jwt.keys_n == 0 &&
	    conf_text(in->conf, LISTEN, "secret_key_old_file") != NULL) {
		buf_setf(why, "[listen] has secret_key_old_file and no key; "
			      "set secret_key_file");
		return -1;
	}
	return add_key_file(in, "secret_key_old_file", why);
}

static int
open_tenant(struct intake *in, struct buf *why)
{
	in->tenant = conf_text(in->conf, LISTEN, "tenant");
	if (in->tenant == NULL || parse_is_name(in->tenant, RECORD_MAX_TENANT))
		return 0;
	buf_setf(why,
	    "[listen] tenant is not a name of up to %d letters, digits, '_', "
	    "'.', '-'",
	    RECORD_MAX_TENANT);
	return -1;
}

static int
open_trusted(struct intake *in, struct buf *why)
{
	struct buf reason = BUF_INIT;
	int rc = networks_read(
	    &in->trusted, conf_list(in->conf, LISTEN, "trusted"), &reason);

	if (rc != 0)
		buf_setf(why, "[listen] trusted: %s", buf_str(&reason));
	buf_release(&reason);
	return rc;
}

/* It stands beside the profiles' folder. */
static int
open_description(struct intake *in, struct buf *why)
{
	char *dir = profile_file_dir();
	char *path = xasprintf("%s/openapi.json", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = -1;

	in->openapi.max = OPENAPI_MAX;
	if (fd >= 0)
		rc = file_read_all(fd, &in->openapi);
	if (rc != 0)
		buf_setf(why,
		    "cannot read '%s': %s; it is installed with the profiles",
		    path, log_errno(errno));
	if (fd >= 0)
		(void)close(fd);
	free(path);
	free(dir);
	return rc;
}

struct intake *
intake_open(const struct conf *conf, const char *state, enum exit_code *code,
    struct buf *why)
{
	struct intake *in = xcalloc(1, sizeof *in);

	in->conf = conf;
	in->max_events = (size_t)conf_int(conf, LISTEN, "max_events");
	*code = PROG_CONFIG;
	if (open_tenant(in, why) != 0 || open_trusted(in, why) != 0 ||
	    open_tokens(in, why) != 0)
		goto fail;
	*code = PROG_NOINPUT;
	if (open_description(in, why) != 0)
		goto fail;
	in->keys = idempotency_open(state,
	    (size_t)conf_int(conf, LISTEN, "idempotency_keys"), code, why);
	if (in->keys == NULL)
		goto fail;
	in->operators = listed_open(conf, state);
	in->hooks = hooks_open(conf);
	/* The others' webhooks are served; `poller -n` tells. */
	*code = hooks_failed(in->hooks) > 0 ? PROG_CONFIG : PROG_OK;
	return in;
fail:
	intake_close(in);
	return NULL;
}

bool
intake_trusts(const struct intake *in, const char *peer)
{
	struct address a;

	return address_parse(&a, peer, strlen(peer)) == 0 &&
	       networks_have(&in->trusted, &a);
}

void
intake_close(struct intake *in)
{
	size_t i;

	if (in == NULL)
		return;
	for (i = 0; i < JWT_KEYS; i++)
		secret_free(in->secrets[i]);
	networks_release(&in->trusted);
	idempotency_close(in->keys);
	listed_close(in->operators);
	hooks_free(in->hooks);
	buf_release(&in->openapi);
	free(in);
}
