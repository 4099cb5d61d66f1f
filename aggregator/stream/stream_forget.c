/*
 * stream_forget: forgets customers, as orders in a folder of the state ask
 * (common/records/forget_order.h). The stream ends its run as at a signal, with
 * all rows confirmed and nothing pending; then the state is rewritten
 * without what identifies them, the orders are removed, and the run begins
 * again. Killed at any time, the orders are still there, or nothing of the
 * customers is.
 *
 * Names, phone numbers and tags of chats go, and words too rare to be trends;
 * counts by user stay, with the user's id, since the next message counts there.
 * Of a foreign input the users are customers: an alias takes the id's place.
 * A snapshot of the tenant that is not whole goes, with what still comes of it:
 * the next one has all.
 */
#include "aggregator/stream/stream.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/records/forget_order.h"

#include "aggregator/containers/key.h"
#include "aggregator/model/model_pack.h"

enum {
	LOOK_MS = 1000,
	/* What was published before the order is read by then, or by the later
	 * time when the stream is behind. */
	QUIET_MS = 1000,
	LATEST_MS = 10000,
};

struct forget_order_file {
	char *path;
	struct buf bytes;
	struct forget_order order; /* borrows from them */
};

struct forget_orders {
	struct forget_order_file *file;
	size_t n, cap;
};

/* Which entries of the tables of trends go: words too rare to be a trend, which
 * no view shows, and which may be of a text of the customer's. The reaper does
 * the same with rows (reaper/rights/personal_tables.c). */
struct rare_words {
	int64_t until;      /* windows that began later stay as they are */
	uint64_t rare;      /* a word that came that often at most is rare */
	struct strmap gone; /* keys of words that go */
};

struct stream_order {
	const struct forget_order *order;
	bool renames;    /* users of events, of a foreign input; */
	bool known;      /* the state has the tenant, */
	uint32_t tenant; /* by this number */
	struct rare_words words;
};

struct stream_forgetting {
	struct forget_orders orders;
	struct stream_order *list; /* of each of them */
	bool renames;              /* one of them does */
	struct buf scratch;
	uint64_t changed; /* entries */
};

static bool
is_order(const char *name)
{
	size_t len = strlen(name), n = strlen(FORGET_ENDING);

	return len > n && strcmp(name + len - n, FORGET_ENDING) == 0;
}

/* NULL: there are none. */
static DIR *
open_orders(const char *state)
{
	char *dir = xasprintf("%s/" FORGET_FOLDER, state);
	DIR *d = opendir(dir);

	free(dir);
	return d;
}

/* The path of the next one, owned. NULL: there is none. */
static char *
next_order(const char *state, DIR *d)
{
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_order(e->d_name))
			return xasprintf(
			    "%s/" FORGET_FOLDER "/%s", state, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	return NULL;
}

/* False: it cannot be carried out. */
static bool
read_order_file(const char *path, struct strmap *unread, struct buf *bytes,
    struct forget_order *order)
{
	struct buf why = BUF_INIT;
	void **told;
	bool good = statefile_read(path, bytes, &why) == 1 &&
		    forget_order_unpack(order, bytes->data, bytes->len) == 0;

	if (!good) {
		told = strmap_put(unread, path, strlen(path));
		if (*told == NULL)
			log_warn(
			    "cannot read the erasure order in '%s'; remove it "
			    "and run 'reaper --forget' again: %s",
			    path, buf_str(&why));
		*told = unread;
	}
	buf_release(&why);
	return good;
}

/* Whether there is one. An order that cannot be read does not count: it stays,
 * and its path is put into *unread, so that a warning names it once. */
static bool
forget_orders_any(const char *state, struct strmap *unread)
{
	DIR *d = open_orders(state);
	struct buf bytes = BUF_INIT;
	struct forget_order order;
	bool any = false;
	char *path;

	while ((path = next_order(state, d)) != NULL) {
		any = read_order_file(path, unread, &bytes, &order) || any;
		buf_clear(&bytes);
		free(path);
	}
	buf_release(&bytes);
	return any;
}

/* Reads all of them; *to is zeroed before. */
static void
forget_orders_read(
    const char *state, struct strmap *unread, struct forget_orders *to)
{
	DIR *d = open_orders(state);
	struct forget_order_file f;
	char *path;

	while ((path = next_order(state, d)) != NULL) {
		f = (struct forget_order_file){ .path = path };
		if (!read_order_file(path, unread, &f.bytes, &f.order)) {
			buf_release(&f.bytes);
			free(path);
			continue;
		}
		XGROW(to->file, to->n, to->cap);
		to->file[to->n++] = f;
	}
}

static void
forget_orders_release(struct forget_orders *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		buf_release(&o->file[i].bytes);
		free(o->file[i].path);
	}
	free(o->file);
	memset(o, 0, sizeof *o);
}

static enum exit_code
remove_order(const char *path, struct buf *why)
{
	if ((unlink(path) == 0 && file_sync_folder_of(path) == 0) ||
	    errno == ENOENT)
		return PROG_OK;
	return syserr_explain(why, PROG_IO, "cannot remove '%s'", path);
}

static enum exit_code
report_done(const char *order, struct buf *why)
{
	int len = (int)(strlen(order) - strlen(FORGET_ENDING));
	char *path = xasprintf("%.*s" FORGET_DONE, len, order);
	enum exit_code code = PROG_OK;

	if (statefile_write(path, "", 0, why) != 0)
		code = syserr_explain(why, PROG_IO, "cannot write '%s'", path);
	free(path);
	return code;
}

/* Removes them: they are carried out. PROG_OK, or the code and *why. */
static enum exit_code
forget_orders_finish(const struct forget_orders *o, struct buf *why)
{
	enum exit_code code = PROG_OK;
	size_t i;

	/* The order last: it is done. */
	for (i = 0; i < o->n && code == PROG_OK; i++) {
		code = report_done(o->file[i].path, why);
		if (code == PROG_OK)
			code = remove_order(o->file[i].path, why);
	}
	return code;
}

void
stream_forget_look(struct stream *s)
{
	int64_t now = clock_mono_ms();

	if (s->job->state == NULL || now - s->forget.looked_ms < LOOK_MS)
		return;
	s->forget.looked_ms = now;
	/* For one that cannot be read no run ends. */
	if (!forget_orders_any(s->job->state, &s->forget.unread))
		s->forget.seen_ms = 0;
	else if (s->forget.seen_ms == 0)
		s->forget.seen_ms = now;
	if (s->forget.seen_ms != 0 &&
	    now - s->forget.seen_ms >= (s->stage.busy ? LATEST_MS : QUIET_MS))
		s->stage.enough = true;
}

static void
rare_words_init(struct rare_words *r, const struct conf *conf, int64_t until)
{
	memset(r, 0, sizeof *r);
	r->until = until;
	r->rare = (uint64_t)conf_int(conf, "aggregator", "trend_count");
}

static void
rare_words_release(struct rare_words *r)
{
	strmap_release(&r->gone, NULL);
}

/* Whether an entry goes; key: without the number of the tenant. The tables are
 * asked about in the order of their names; in those of metric_trends.c the
 * timers of words come after the words. */
static bool
rare_words_has(struct rare_words *r, const char *table, struct text key,
    const void *payload, size_t len)
{
	uint64_t count = 0;
	size_t at = 0;

	if (strcmp(table, "trend_words") == 0 && len == sizeof count) {
		memcpy(&count, payload, sizeof count);
		if (key_read_time(key, &at) > r->until || count > r->rare)
			return false;
		*strmap_put(&r->gone, key.p, key.len) = r;
		return true;
	}
	if (strcmp(table, "trends_due") != 0)
		return false;
	(void)key_read_time(key, &at);
	return at < key.len &&
	       strmap_get(&r->gone, key.p + at, key.len - at) != NULL;
}

static void
prepare_stream_order(
    struct stream_order *o, const struct forget_order *order, struct stream *s)
{
	struct stream_tenant *t =
	    strmap_get(&s->names, order->tenant.p, order->tenant.len);

	o->order = order;
	o->known = t != NULL;
	/* Of an operator with the same id the order has no alias. */
	o->renames =
	    s->job->foreign != NULL && o->known && order->alias.len > 0;
	o->tenant = t != NULL ? t->number : 0;
	rare_words_init(&o->words, s->job->conf, order->asked_at);
}

static void
release_forgetting(struct stream_forgetting *f)
{
	size_t i;

	for (i = 0; i < f->orders.n; i++)
		rare_words_release(&f->list[i].words);
	free(f->list);
	forget_orders_release(&f->orders);
	buf_release(&f->scratch);
	free(f);
}

struct stream_forgetting *
stream_forget_begin(struct stream *s)
{
	struct stream_forgetting *f = xcalloc(1, sizeof *f);
	struct buf why = BUF_INIT;
	enum exit_code code;
	size_t i;

	if (s->job->state != NULL)
		forget_orders_read(
		    s->job->state, &s->forget.unread, &f->orders);
	f->list = xcalloc(f->orders.n, sizeof *f->list);
	for (i = 0; i < f->orders.n; i++) {
		prepare_stream_order(&f->list[i], &f->orders.file[i].order, s);
		if (!f->list[i].renames)
			continue;
		f->renames = true;
		stream_foreign_forget(s, f->list[i].order);
	}
	for (i = 0; i < f->orders.n; i++)
		staging_forget(&s->staging, f->list[i].order->tenant);
	staging_save(&s->staging);
	code = state_commit(s->state, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	if (code == PROG_OK)
		return f;
	s->code = code;
	release_forgetting(f);
	return NULL;
}

/* Whether the bytes, a key or a chat, are of the order's tenant. */
static bool
is_of_tenant(const struct stream_order *o, const void *p, size_t len)
{
	return o->known && len >= STREAM_TENANT_BYTES &&
	       stream_read_tenant_number(p) == o->tenant;
}

/* Puts the chat without what is the customer's into f->scratch. */
static bool
forget_in_chat(struct stream_forgetting *f, struct stream_order *o,
    const char *data, size_t len)
{
	buf_clear(&f->scratch);
	buf_add(&f->scratch, data, STREAM_TENANT_BYTES);
	return model_forget_customer(data + STREAM_TENANT_BYTES,
	    len - STREAM_TENANT_BYTES, o->order, &f->scratch);
}

static void
copy_chat_entry(struct stream_forgetting *f, struct state_table *to,
    const void *key, size_t key_len, const void *data, size_t len)
{
	struct buf last = BUF_INIT;
	size_t i;

	buf_add(&last, data, len);
	for (i = 0; i < f->orders.n; i++) {
		if (!is_of_tenant(&f->list[i], last.data, last.len) ||
		    !forget_in_chat(f, &f->list[i], last.data, last.len))
			continue;
		f->changed++;
		buf_clear(&last);
		buf_add(&last, f->scratch.data, f->scratch.len);
	}
	state_put(to, key, key_len, last.data, last.len);
	buf_release(&last);
}

static bool
holds_rare_word(struct stream_forgetting *f, const char *name, const char *key,
    size_t key_len, const void *data, size_t len)
{
	bool goes = false;
	size_t i;

	for (i = 0; i < f->orders.n; i++) {
		if (!is_of_tenant(&f->list[i], key, key_len))
			continue;
		goes = rare_words_has(&f->list[i].words, name,
			   (struct text){ key + STREAM_TENANT_BYTES,
			       key_len - STREAM_TENANT_BYTES },
			   data, len) ||
		       goes;
	}
	return goes;
}

/* Whose entry is copied. */
struct renaming {
	const struct stream_forgetting *f;
	const void *key; /* which begins with the tenant */
	size_t len;
};

/* A model_rename_fn: the alias of a user. */
static struct text
name_of_user(void *ctx, struct text user)
{
	const struct renaming *r = ctx;
	size_t i;

	for (i = 0; i < r->f->orders.n; i++) {
		const struct stream_order *o = &r->f->list[i];

		if (o->renames && is_of_tenant(o, r->key, r->len) &&
		    text_compare(o->order->customer, user) == 0)
			return o->order->alias;
	}
	return user;
}

/* Adds the count to that of the alias, which may be there: of a customer who
 * was forgotten before. False: the entry stays as it is. */
static bool
rename_count(struct stream_forgetting *f, struct renaming *r,
    struct state_table *to, const void *data, size_t len)
{
	const char *key = r->key;
	struct text value = { data, len }, known = { NULL, 0 };
	struct buf new = BUF_INIT;
	const void *p = NULL;
	bool good;

	buf_clear(&f->scratch);
	buf_add(&new, key, STREAM_TENANT_BYTES);
	good = model_rename_event(key + STREAM_TENANT_BYTES,
		   r->len - STREAM_TENANT_BYTES, name_of_user, r, &new) == 0;
	if (good && state_get(to, new.data, new.len, &p, &known.len)) {
		known.p = p;
		good = model_add_event_counts(value, known, &f->scratch) == 0;
		value = (struct text){ f->scratch.data, f->scratch.len };
	}
	if (good)
		state_put(to, new.data, new.len, value.p, value.len);
	buf_release(&new);
	return good;
}

/* Of an entry that has users of events. False: it stays as it is. */
static bool
copy_renamed(struct stream_forgetting *f, struct state_table *to,
    const char *name, const void *key, size_t key_len, const void *data,
    size_t len)
{
	struct renaming r = { f, key, key_len };

	if (!f->renames || key_len < STREAM_TENANT_BYTES)
		return false;
	if (strcmp(name, "events") == 0)
		return rename_count(f, &r, to, data, len);
	if (strcmp(name, "seen") != 0)
		return false;
	buf_clear(&f->scratch);
	if (model_rename_identities(data, len, name_of_user, &r, &f->scratch) ==
	    -1)
		return false;
	state_put(to, key, key_len, f->scratch.data, f->scratch.len);
	return true;
}

/* A state_copy_fn. */
static void
copy_but_forgotten(void *ctx, struct state_table *to, const char *name,
    const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_forgetting *f = ctx;

	if (strcmp(name, "chats") == 0)
		copy_chat_entry(f, to, key, key_len, data, len);
	else if (holds_rare_word(f, name, key, key_len, data, len))
		f->changed++;
	else if (!copy_renamed(f, to, name, key, key_len, data, len))
		state_put(to, key, key_len, data, len);
}

static enum exit_code
forget_in_folder(struct stream_forgetting *f, const struct stream *s,
    const struct state_identity *id, struct buf *why)
{
	const char *dir = s->job->state;
	enum exit_code code;

	code = state_rewrite(dir, id,
	    (size_t)conf_int(s->job->conf, "aggregator", "state_limit"),
	    copy_but_forgotten, f, why);
	if (code == PROG_OK && s->job->foreign != NULL)
		code = stream_foreign_again(s->job, why);
	if (code == PROG_OK)
		code = forget_orders_finish(&f->orders, why);
	if (code == PROG_OK)
		log_info("customers_forgotten",
		    "customers=%zu entries=%" PRIu64, f->orders.n, f->changed);
	return code;
}

enum exit_code
stream_forget_end(struct stream_forgetting *f, const struct stream *s)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct state_identity id;
	char part[SHARD_TEXT];

	stream_identity(s, part, &id);
	if (f->orders.n > 0)
		code = forget_in_folder(f, s, &id, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	release_forgetting(f);
	return code;
}
