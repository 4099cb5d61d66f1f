/*
 * listener_context: see listener_context.h.
 */
#include "poller/intake/listener_context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"
#include "poller/crm/store.h"
#include "poller/intake/hook.h"
#include "poller/intake/idempotency.h"

/* ---- the operators of each tenant ---- */

#define LOOK_AGAIN_MS (60 * INT64_C(1000))

/* The operators of one tenant. */
struct operator_list {
	const char *tenant;
	char *const *named; /* named in the configuration */
	char *const *bots;  /* the bots among all operators */
	struct buf logged;  /* the reason of the last warning */
	json_t *listed;     /* those from the CRM by id, or NULL */
	int64_t looked_ms;  /* when the state was last read */
};

struct known_operators {
	pthread_mutex_t lock;
	const char *dir; /* folder of the poller's state; or NULL */
	struct operator_list *lists;
	size_t n;
};

/* Logs the reason, unless it is the same as last time. */
static void
warn_operators_unknown(
    struct operator_list *l, const char *why, const char *way_out)
{
	if (strcmp(why, buf_str(&l->logged)) == 0)
		return;
	buf_setf(&l->logged, "%s", why);
	log_warn(
	    "tenant %s: operators are unknown: %s%s", l->tenant, why, way_out);
}

/* Reads the operators from the state. If the state cannot be read or has none,
 * the earlier ones are kept. */
static void
read_operators(struct operator_list *l, const char *dir)
{
	struct store *s = NULL;
	struct buf why = BUF_INIT;
	enum exit_code code;
	json_t *listed = NULL;
	const void *data;
	size_t len;

	if (store_exists(dir, l->tenant)) {
		s = store_open(dir, l->tenant, STORE_COUNTING, &code, &why);
		if (s == NULL)
			warn_operators_unknown(l, buf_str(&why), "");
	} else if (l->named[0] == NULL) {
		buf_setf(
		    &why, "there is no state '%s/%s.mdb' yet", dir, l->tenant);
		warn_operators_unknown(l, buf_str(&why),
		    "; poll with this state folder, set [poller] state to that "
		    "of the polls, or list them (operators in [crm])");
	}
	if (s != NULL && store_get(s, STORE_META, STORE_OPERATORS, &data, &len))
		listed = json_read_repaired(data, len, &why);
	if (listed != NULL) {
		json_decref(l->listed);
		l->listed = listed;
	}
	store_close(s);
	buf_release(&why);
}

static struct known_operators *
known_operators_open(const struct conf *conf, const char *state)
{
	struct known_operators *l = xcalloc(1, sizeof *l);
	const char *dir = conf_text(conf, "poller", "state");
	struct operator_list *one;
	char *section;
	size_t i;

	(void)pthread_mutex_init(&l->lock, NULL);
	l->dir = dir != NULL ? dir : state;
	l->n = conf_tenants(conf);
	l->lists = xcalloc(l->n + 1, sizeof *l->lists);
	for (i = 0; i < l->n; i++) {
		one = &l->lists[i];
		one->tenant = conf_tenant(conf, i);
		one->looked_ms = CLOCK_NONE;
		section = xasprintf("crm %s", one->tenant);
		one->named = conf_list(conf, section, "operators");
		one->bots = conf_list(conf, section, "bot_operators");
		free(section);
	}
	return l;
}

static void
known_operators_close(struct known_operators *l)
{
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < l->n; i++) {
		json_decref(l->lists[i].listed);
		buf_release(&l->lists[i].logged);
	}
	free(l->lists);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool
is_listed(const struct known_operators *all, struct operator_list *l,
    const char *id, int64_t now_ms)
{
	if (all->dir == NULL)
		return false;
	if (l->looked_ms == CLOCK_NONE || now_ms < l->looked_ms ||
	    now_ms - l->looked_ms >= LOOK_AGAIN_MS) {
		l->looked_ms = now_ms;
		read_operators(l, all->dir);
	}
	return json_object_get(l->listed, id) != NULL;
}

enum known_operator
known_operators_find(struct known_operators *l, const char *tenant,
    const char *id, int64_t now_ms)
{
	bool yes = false;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->lists[i].tenant, tenant) != 0)
			continue;
		if (text_is_listed(id, l->lists[i].bots))
			return KNOWN_OPERATOR_BOT;
		(void)pthread_mutex_lock(&l->lock);
		yes = text_is_listed(id, l->lists[i].named) ||
		      is_listed(l, &l->lists[i], id, now_ms);
		(void)pthread_mutex_unlock(&l->lock);
	}
	return yes ? KNOWN_OPERATOR_PERSON : KNOWN_OPERATOR_NONE;
}

/* ---- what the routes share ---- */

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
listener_context_open(const struct conf *conf, const char *state,
    struct request_store *store, enum exit_code *code, struct buf *why)
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
	in->operators = known_operators_open(conf, state);
	in->hooks = hooks_open(conf);
	/* The webhooks of other tenants are served; only `poller -n` ends with
	 * this code. */
	*code = hooks_failed(in->hooks) > 0 ? PROG_CONFIG : PROG_OK;
	return in;
fail:
	listener_context_close(in);
	return NULL;
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
	known_operators_close(in->operators);
	hooks_free(in->hooks);
	free(in);
}
