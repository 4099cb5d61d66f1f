/*
 * known_operators: see known_operators.h.
 */
#include "poller/hooks/known_operators.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "poller/store/store.h"

#define LOOK_AGAIN_MS (60 * INT64_C(1000))

/* One tenant. */
struct operator_list {
	const char *tenant;
	char *const *named;   /* by the configuration, */
	char *const *bots;    /* and those of all that are bots */
	const char *dir;      /* the poller's state; NULL: none */
	struct store *store;  /* NULL: it is not open */
	struct buf logged;    /* the last reason for that in the log */
	struct strmap listed; /* ids from the CRM; values are unused */
	int64_t looked_ms;    /* when the state was last read */
};

struct known_operators {
	pthread_mutex_t lock;
	struct operator_list *lists;
	size_t n;
};

/* Does not log the same reason again. */
static void
warn_operators_unknown(
    struct operator_list *l, const char *why, const char *way_out)
{
	if (strcmp(why, buf_str(&l->logged)) == 0)
		return;
	buf_setf(&l->logged, "%s", why);
	log_warn("operators of %s that the CRM lists are not known: %s%s",
	    l->tenant, why, way_out);
}

/* asked: an operator is looked up, it is not the start. */
static void
open_operator_state(struct operator_list *l, bool asked)
{
	struct buf why = BUF_INIT;
	enum exit_code code;

	l->store = store_open(l->dir, l->tenant, STORE_READ_ONLY, &code, &why);
	if (l->store == NULL && code != PROG_NOINPUT)
		warn_operators_unknown(l, buf_str(&why), "");
	else if (l->store == NULL && asked && l->named[0] == NULL)
		warn_operators_unknown(l, buf_str(&why),
		    "; poll into it, set [poller] state to the folder that is "
		    "polled into, or name them (operators in [crm])");
	buf_release(&why);
}

struct known_operators *
known_operators_open(const struct conf *conf, const char *state)
{
	struct known_operators *l = xcalloc(1, sizeof *l);
	const char *dir = conf_text(conf, "poller", "state");
	struct operator_list *one;
	char *section;
	size_t i;

	(void)pthread_mutex_init(&l->lock, NULL);
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
		one->dir = dir != NULL ? dir : state;
		if (one->dir != NULL)
			open_operator_state(one, false);
	}
	return l;
}

void
known_operators_close(struct known_operators *l)
{
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < l->n; i++) {
		store_close(l->lists[i].store);
		strmap_release(&l->lists[i].listed, NULL);
		buf_release(&l->lists[i].logged);
	}
	free(l->lists);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Of one operator's record, members without braces. */
static void
add_operator_record(struct operator_list *l, const char *members)
{
	char *text = xasprintf("{%s}", members);
	json_t *v = json_loads(text, 0, NULL);
	const json_t *id = json_object_get(v, "operator");

	if (json_is_string(id))
		*strmap_put(&l->listed, json_string_value(id),
		    json_string_length(id)) = l;
	json_decref(v);
	free(text);
}

/* Reads the operators again; they are texts in a row, each with its NUL. */
static void
refresh_operator_list(struct operator_list *l)
{
	const void *data;
	const char *p;
	size_t len, one;

	if (l->store != NULL && !store_is_there(l->store)) {
		store_close(l->store);
		l->store = NULL;
	}
	if (l->store == NULL)
		open_operator_state(l, true);
	if (l->store == NULL)
		return; /* those of before stay */
	if (!store_get(l->store, STORE_META, "operators", &data, &len)) {
		store_end_read(l->store);
		return;
	}
	strmap_release(&l->listed, NULL);
	for (p = data; len > 0 && memchr(p, '\0', len) != NULL; p += one) {
		add_operator_record(l, p);
		one = strlen(p) + 1;
		len -= one;
	}
	store_end_read(l->store);
}

static bool
is_named(char *const *ids, const char *id)
{
	for (; *ids != NULL; ids++) {
		if (strcmp(*ids, id) == 0)
			return true;
	}
	return false;
}

static bool
operator_list_has(struct operator_list *l, const char *id, int64_t now_ms)
{
	if (is_named(l->named, id))
		return true;
	if (l->dir == NULL)
		return false;
	if (l->looked_ms == CLOCK_NONE || now_ms < l->looked_ms ||
	    now_ms - l->looked_ms >= LOOK_AGAIN_MS) {
		l->looked_ms = now_ms;
		refresh_operator_list(l);
	}
	return strmap_get(&l->listed, id, strlen(id)) != NULL;
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
		if (is_named(l->lists[i].bots, id))
			return KNOWN_OPERATOR_BOT;
		(void)pthread_mutex_lock(&l->lock);
		yes = operator_list_has(&l->lists[i], id, now_ms);
		(void)pthread_mutex_unlock(&l->lock);
	}
	return yes ? KNOWN_OPERATOR_PERSON : KNOWN_OPERATOR_NONE;
}
