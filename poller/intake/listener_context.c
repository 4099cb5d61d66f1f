/*
 * listener_context: see listener_context.h.
 */
#include "poller/intake/listener_context.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "poller/intake/hook.h"
#include "poller/intake/idempotency.h"

#define LISTEN "listen"

static int
open_default_tenant(struct listener_context *in, struct buf *why)
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
open_trusted(struct listener_context *in, struct buf *why)
{
	struct buf reason = BUF_INIT;
	int rc = networks_read(
	    &in->trusted, conf_list(in->conf, LISTEN, "trusted"), &reason);

	if (rc != 0)
		buf_setf(why, "[listen] trusted: %s", buf_str(&reason));
	buf_release(&reason);
	return rc;
}

struct listener_context *
listener_context_open(const struct conf *conf, struct request_store *store,
    enum exit_code *code, struct buf *why)
{
	struct listener_context *in = xcalloc(1, sizeof *in);

	in->conf = conf;
	in->max_events = (size_t)conf_int(conf, LISTEN, "max_events");
	*code = PROG_CONFIG;
	if (open_default_tenant(in, why) != 0 || open_trusted(in, why) != 0 ||
	    jwt_conf_read(&in->tokens, conf, LISTEN, code, why) != 0)
		goto fail;
	in->keys = idempotency_open(
	    store, (size_t)conf_int(conf, LISTEN, "idempotency_keys"), why);
	*code = PROG_IO;
	if (in->keys == NULL)
		goto fail;
	in->hooks = hooks_open(conf);
	/* The webhooks of other tenants are served; only `poller -n` ends with
	 * this code. */
	*code = hooks_failed(in->hooks) > 0 ? PROG_CONFIG : PROG_OK;
	return in;
fail:
	listener_context_close(in);
	return NULL;
}

size_t
listener_context_refresh(struct listener_context *in, struct conf *conf)
{
	XGROW(in->read, in->read_n, in->read_cap);
	in->read[in->read_n++] = conf;
	in->conf = conf;
	return hooks_refresh(in->hooks, conf);
}

bool
listener_context_trusts(const struct listener_context *in, const char *peer)
{
	struct address a;

	return address_parse(&a, peer, strlen(peer)) == 0 &&
	       networks_have(&in->trusted, &a);
}

void
listener_context_close(struct listener_context *in)
{
	if (in == NULL)
		return;
	jwt_conf_release(&in->tokens);
	networks_release(&in->trusted);
	idempotency_close(in->keys);
	hooks_free(in->hooks);
	while (in->read_n > 0)
		conf_free(in->read[--in->read_n]);
	free(in->read);
	free(in);
}
