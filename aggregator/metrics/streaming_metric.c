/*
 * streaming_metric: see streaming_metric.h. All flows of one tenant, and what
 * they share.
 */
#include "aggregator/metrics/streaming_metric.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/state/state.h"

struct streaming_metric {
	const struct metric *figure;
	void *ctx;
};

struct flows {
	struct keyed_state_home home;
	struct streaming_metric_setup setup;
	struct streaming_metric *v;
	size_t n;
};

/* Nobody outside can choose keys that fall together. */
static uint64_t
hash_seed(struct state *state)
{
	uint64_t seed[2] = { random_32(), random_32() };

	if (state != NULL)
		state_seed(state, seed);
	return seed[0] ^ seed[1] << 32 ^ seed[1] >> 32;
}

struct flows *
flows_open(const struct metric *const *list, size_t n, const struct conf *conf,
    const char *tenant, const struct flows_home *at)
{
	struct flows *f = xcalloc(1, sizeof *f);
	struct streaming_metric *to;
	size_t i;

	f->home.state = at->state;
	f->home.tenant = at->number;
	f->home.seed = hash_seed(at->state);
	f->home.window_ms = at->window_ms;
	f->home.newest = CLOCK_NONE;
	f->home.pool = at->pool;
	f->setup.conf = conf;
	f->setup.tenant = tenant;
	f->setup.home = &f->home;
	f->v = xcalloc(n + 1, sizeof *f->v);
	for (i = 0; i < n; i++) {
		if (list[i]->flow == NULL)
			continue;
		to = &f->v[f->n++];
		to->figure = list[i];
		to->ctx = list[i]->flow->open(&f->setup);
	}
	return f;
}

void
flows_close(struct flows *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++)
		f->v[i].figure->flow->close(f->v[i].ctx);
	free(f->v);
	free(f);
}

void
streaming_metric_message_read(
    struct streaming_metric_message *m, const struct record *r)
{
	m->chat = r->chat;
	m->id = r->id;
	m->user = r->user;
	/* An operator may be told of in either way. */
	if (m->user.p == NULL && r->from == FROM_OPERATOR)
		m->user = r->operator_id;
	m->channel = r->channel;
	m->text = r->text;
	m->at = r->at;
	m->from = r->from;
	m->counted = r->from != FROM_SYSTEM && !r->is_private && !r->automated;
}

static void
prepare(struct flows *f, const struct streaming_metric_message *m, bool near)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->prepare != NULL)
			f->v[i].figure->flow->prepare(f->v[i].ctx, m, near);
}

static bool
same_text(struct text a, struct text b)
{
	if (a.p == NULL || b.p == NULL)
		return a.p == b.p;
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static bool
counts_alike(const struct streaming_metric_message *a,
    const struct streaming_metric_message *b)
{
	return a->at == b->at && a->from == b->from &&
	       a->counted == b->counted && same_text(a->user, b->user) &&
	       same_text(a->chat, b->chat) && same_text(a->channel, b->channel);
}

void
flows_message(struct flows *f, const struct streaming_metric_message *m,
    const struct streaming_metric_message *old)
{
	size_t i;

	/* Most versions change nothing that counts. Nor do those of a message
	 * that another generation counted. */
	if (old != NULL && counts_alike(m, old))
		return;
	prepare(f, m, false);
	prepare(f, m, true);
	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->message != NULL)
			f->v[i].figure->flow->message(f->v[i].ctx, m, old);
}

void
flows_before(struct flows *f, const struct streaming_metric_message *m)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->before != NULL)
			f->v[i].figure->flow->before(f->v[i].ctx, m);
}

void
flows_interval(
    struct flows *f, const struct streaming_metric_interval *in, bool withdrawn)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->interval != NULL)
			f->v[i].figure->flow->interval(
			    f->v[i].ctx, in, withdrawn);
}

void
flows_model_interval(void *flows, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	char buf[MESSAGE_ID_TEXT];
	struct streaming_metric_interval in = { .kind = i->kind,
		.chat = chat_id(c),
		.message = interval_message(m, i, buf),
		.operator_id = interval_operator(m, i),
		.start = i->start,
		.end = i->end,
		.ms = i->ms };

	flows_interval(flows, &in, withdrawn);
}

void
flows_resume(struct flows *f, int64_t newest)
{
	if (newest > f->home.newest)
		f->home.newest = newest;
}

void
flows_settle(struct flows *f, int64_t newest, bool refresh)
{
	size_t i;

	flows_resume(f, newest);
	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->settle != NULL)
			f->v[i].figure->flow->settle(
			    f->v[i].ctx, newest, refresh);
}

bool
flows_changed(const struct flows *f)
{
	size_t i;

	for (i = 0; i < f->home.tables_n; i++)
		if (f->home.tables[i]->told.n > 0)
			return true;
	return false;
}

void
flows_save(struct flows *f)
{
	keyed_state_home_save(&f->home);
}

void
flows_emit(struct flows *f, struct rowset *to, enum metric_rows which)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].figure == to->figure)
			to->figure->flow->emit(f->v[i].ctx, to, which);
}

void
flows_sent(struct flows *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].figure->flow->sent != NULL)
			f->v[i].figure->flow->sent(f->v[i].ctx);
	keyed_state_home_sent(&f->home);
}

/* Of each changed row: the name of its table, and its key. */
void
flows_unsent(const struct flows *f, struct buf *to)
{
	const struct keyed_state *k;
	struct text key, name;
	void **list;
	size_t i, j, n;

	for (i = 0; i < f->home.tables_n; i++) {
		k = f->home.tables[i];
		name = (struct text){ k->name, strlen(k->name) };
		list = keyed_state_list(f->home.tables[i], false, &n);
		for (j = 0; j < n; j++) {
			key = keyed_state_key(list[j]);
			pack_put_text(to, name);
			pack_put_text(to, key);
		}
		free(list);
	}
}

/* A figure that is not kept any more is passed over. */
static void
tell_again(struct flows *f, struct text table, struct text key)
{
	struct keyed_state *k;
	void *payload;
	size_t i;

	for (i = 0; i < f->home.tables_n; i++) {
		k = f->home.tables[i];
		if (!text_is(table, k->name))
			continue;
		payload = keyed_state_find(k, key.p, key.len);
		if (payload != NULL)
			keyed_state_tell(k, payload);
	}
}

int
flows_unsent_back(struct flows *f, const void *data, size_t len)
{
	struct pack r = pack_open_bare(data, len);
	struct text table, key;

	while (pack_more(&r)) {
		table = pack_text(&r);
		key = pack_text(&r);
		if (table.p == NULL || key.p == NULL || key.len > KEY_MAX)
			return -1;
		tell_again(f, table, key);
	}
	return pack_end(&r);
}

int64_t
streaming_metric_conf(const struct streaming_metric_setup *s, const char *key)
{
	return conf_int(s->conf, "aggregator", key);
}

bool
streaming_metric_in_parts(const struct streaming_metric_setup *s)
{
	return conf_text(s->conf, "aggregator", "part") != NULL;
}

void
streaming_metric_cap_init(struct streaming_metric_cap *c,
    const struct streaming_metric_setup *s, const char *key)
{
	c->setup = s;
	c->key = key;
	c->limit = (uint64_t)streaming_metric_conf(s, key);
	c->told = false;
}

bool
streaming_metric_cap_allows(
    struct streaming_metric_cap *c, uint64_t n, const char *what)
{
	if (n < c->limit)
		return true;
	if (!c->told)
		log_error("tenant '%s' has %s; what is above [aggregator] %s = "
			  "%" PRIu64 " is not counted",
		    c->setup->tenant, what, c->key, c->limit);
	c->told = true;
	return false;
}

int64_t
streaming_metric_span(int64_t at, int64_t length)
{
	int64_t rest = at % length;

	return at - (rest < 0 ? rest + length : rest);
}

struct cell *
streaming_metric_cell(struct cell *c, struct text t)
{
	c->text = t;
	c->set = t.p != NULL;
	return c + 1;
}
