/*
 * stream_forget: erases customers when orders in a subfolder of the state
 * request it (common/records/forgotten.h). The stream ends its run as it
 * does after a signal, with everything confirmed. Then the models drop data
 * that identify the customers, the state is committed, its file is copied
 * without the deleted bytes, the orders are removed, and a new run begins.
 * Whenever the program is killed, either the orders still exist or all data
 * about the customers are gone.
 *
 * Names, phone numbers and tags of chats are deleted, and so are words too rare
 * to be trends. Counts by user keep the user's id, because later messages must
 * be added to them; those of the event counter, whose users are customers, move
 * to an alias. An unfinished snapshot of the tenant is dropped together with
 * its remaining lines: the next snapshot is complete.
 */
#include "aggregator/stream/stream.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "common/records/forgotten.h"

#include "aggregator/model/model_pack.h"

enum {
	LOOK_MS = 1000,
	/* After this time, everything published before the order has been read,
	 * unless the stream is behind. */
	WAIT_MS = 2000,
};

struct order_file {
	char *path;
	struct buf bytes;
	struct forget_order order; /* borrows from the file's bytes */
};

struct order_list {
	struct order_file *v;
	size_t n, cap;
};

static bool
is_order(const char *name)
{
	size_t len = strlen(name), n = strlen(FORGET_ENDING);

	return len > n && strcmp(name + len - n, FORGET_ENDING) == 0;
}

/* Adds the order to the list. An unreadable order is not removed, and a warning
 * names it once. */
static void
read_order(struct stream *s, const char *path, struct order_list *list)
{
	struct order_file f = { .path = xstrdup(path) };
	struct buf why = BUF_INIT;
	void **told;

	if (forget_order_read(&f.order, path, &f.bytes, &why) == 1) {
		XGROW(list->v, list->n, list->cap);
		list->v[list->n++] = f;
	} else {
		told = strmap_put(&s->forget.unread, path, strlen(path));
		if (*told == NULL)
			log_warn(
			    "cannot read the erasure order in '%s'; remove it "
			    "and run 'reaper --forget' again: %s",
			    path, buf_str(&why));
		*told = s;
		buf_release(&f.bytes);
		free(f.path);
	}
	buf_release(&why);
}

static struct order_list
read_orders(struct stream *s)
{
	char *folder = xasprintf("%s/" FORGET_FOLDER, s->job->state), *path;
	struct order_list list = { NULL, 0, 0 };
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!is_order(e->d_name))
			continue;
		path = xasprintf("%s/%s", folder, e->d_name);
		read_order(s, path, &list);
		free(path);
	}
	if (d != NULL)
		(void)closedir(d);
	free(folder);
	return list;
}

static void
release_orders(struct order_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		buf_release(&list->v[i].bytes);
		free(list->v[i].path);
	}
	free(list->v);
}

void
stream_forget_look(struct stream *s)
{
	int64_t now = clock_mono_ms();
	struct order_list list;

	if (s->job->state == NULL || now - s->forget.looked_ms < LOOK_MS)
		return;
	s->forget.looked_ms = now;
	list = read_orders(s);
	if (list.n == 0)
		s->forget.seen_ms = 0;
	else if (s->forget.seen_ms == 0)
		s->forget.seen_ms = now;
	release_orders(&list);
	if (s->forget.seen_ms != 0 && now - s->forget.seen_ms >= WAIT_MS)
		s->stage.enough = true;
}

struct rare_words {
	uint64_t rare;   /* a word that occurred at most this often is rare */
	struct buf keys; /* each one after a byte with its length */
};

static bool
collect_rare_word(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct rare_words *r = ctx;
	uint64_t count = 0;

	memcpy(&count, data, len < sizeof count ? len : sizeof count);
	if (count <= r->rare && key_len <= UINT8_MAX) {
		buf_addc(&r->keys, (char)(unsigned char)key_len);
		buf_add(&r->keys, key, key_len);
	}
	return true;
}

/* Deletes words that are too rare to be a trend. No view shows them, and they
 * may be from one of the customer's messages. The reaper does the same with
 * rows (reaper/rights/personal_tables.c). Timers keep such words until the end
 * of their window. The table may be from an earlier run that computed trends,
 * so this does not ask the metric. */
static void
delete_rare_words(struct stream_tenant *t)
{
	struct stream *s = t->stream;
	struct lmdb_table *words = state_table(s->state, "trend_words");
	struct rare_words r = { (uint64_t)conf_int(
				    s->job->conf, "aggregator", "trend_count"),
		BUF_INIT };
	struct key tenant = stream_tenant_key(t);
	size_t at = 0, len;

	lmdb_each(words, tenant.bytes, tenant.len, collect_rare_word, &r);
	for (; at < r.keys.len; at += 1 + len) {
		len = (unsigned char)r.keys.data[at];
		lmdb_delete(words, r.keys.data + at + 1, len);
	}
	buf_release(&r.keys);
}

/* Returns the number of changed chats. */
static size_t
carry_out(struct stream *s, const struct forget_order *o)
{
	struct stream_tenant *t =
	    strmap_get(&s->names, o->tenant.p, o->tenant.len);
	size_t chats;

	staging_forget(&s->staging, o->tenant);
	if (t == NULL)
		return 0;
	chats = model_forget_customer(&t->pipeline.model, o);
	/* The reaper changes the rows of these chats. */
	stream_save(t);
	stream_counter_forget(t, o);
	delete_rare_words(t);
	if (s->shared != NULL) {
		/* The log of changes has the customer's data, too: after a
		 * flush of all entries, the sink deletes it. */
		t->whole = true;
		stream_touch(t);
	}
	return chats;
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
	enum exit_code code = file_replace(path, 0600, "", 0, why);

	free(path);
	return code;
}

/* Commits the changes; with keep_state = database, after the database has
 * stored them. Sets *done unless the next run must execute the orders again. */
static enum exit_code
commit_changes(struct stream *s, bool *done, struct buf *why)
{
	enum outcome o = OUTCOME_DONE;

	while (s->shared != NULL &&
	       (o = stream_flush(s, false)) == OUTCOME_LATER &&
	       !s->job->until_empty && !stop_asked())
		endpoint_pump(s->in);
	*done = o == OUTCOME_DONE;
	if (o == OUTCOME_NEVER)
		return s->stage.code;
	if (o == OUTCOME_LATER)
		return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return stream_commit(s, why);
}

static enum exit_code
carry_out_all(
    struct stream *s, const struct order_list *orders, struct buf *why)
{
	enum exit_code code;
	size_t i, chats = 0;
	bool done = true;

	for (i = 0; i < orders->n; i++)
		chats += carry_out(s, &orders->v[i].order);
	code = commit_changes(s, &done, why);
	if (code != PROG_OK || !done)
		return code;
	code = state_rewrite(s->state, why);
	if (code == PROG_OK)
		code = stream_counter_publish(s);
	/* The order is removed last, when it is complete. */
	for (i = 0; i < orders->n && code == PROG_OK; i++) {
		code = report_done(orders->v[i].path, why);
		if (code == PROG_OK)
			code = remove_order(orders->v[i].path, why);
	}
	if (code == PROG_OK)
		log_info("customers_forgotten", "customers=%zu chats=%zu",
		    orders->n, chats);
	return code;
}

enum exit_code
stream_forget(struct stream *s)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct order_list orders;

	if (s->job->state == NULL)
		return PROG_OK;
	orders = read_orders(s);
	if (orders.n > 0)
		code = carry_out_all(s, &orders, &why);
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	release_orders(&orders);
	buf_release(&why);
	return code;
}
