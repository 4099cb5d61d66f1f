/*
 * eventcounter_commit: makes the effect of a batch of messages durable, in the
 * order that eventcounter.c gives, and restores it at the start.
 */
#include "aggregator/eventcounter/eventcounter_impl.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/containers/pack.h"
#include "common/os/stop.h"
#include "common/text/jsonw.h"

#include "aggregator/eventcounter/eventcounter_files.h"

#define PAUSE_MS 500

enum outcome
counter_retry(struct counter *c, enum outcome (*step)(struct counter *c))
{
	enum outcome o;

	while ((o = step(c)) == OUTCOME_LATER && c->wait_forever &&
	       !stop_sleep(PAUSE_MS)) {
		daemon_metrics_retried(c->metrics, 1);
		counter_tell(c);
		endpoint_pump(c->in);
		deadletter_pump(&c->dead);
		if (c->out != NULL)
			endpoint_pump(c->out);
	}
	if (o == OUTCOME_LATER)
		c->code = stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return o;
}

void
counter_tell(const struct counter *c)
{
	daemon_metrics_count(
	    c->metrics, c->counted + c->duplicates + c->refused, c->dead.count);
}

static enum outcome
flush_dead_letters(struct counter *c)
{
	enum outcome o = deadletter_flush(&c->dead);

	if (o == OUTCOME_NEVER)
		c->code = c->dead.code;
	return o;
}

static enum outcome
rows_failed(struct counter *c)
{
	if (endpoint_code(c->out) != PROG_OK)
		log_error("%s", endpoint_why(c->out));
	c->code = endpoint_code(c->out);
	return OUTCOME_NEVER;
}

static enum outcome
flush_rows(struct counter *c)
{
	enum outcome o = endpoint_flush(c->out);

	return o == OUTCOME_NEVER ? rows_failed(c) : o;
}

static int
write_count_row(struct counter *c, size_t type, const struct user_count *count)
{
	struct buf *b = &c->text;

	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "row");
	jsonw_str(b, "table", "event_counts");
	jsonw_str(b, "tenant", c->job->tenant);
	jsonw_strn(b, "user", count->user, count->user_len);
	jsonw_str(b, "event", event_type_names[type]);
	jsonw_int(b, "count", count->n);
	jsonw_time(b, "as_of", c->version);
	jsonw_int(b, "version", c->version);
	jsonw_close(b);
	return endpoint_write(c->out, b->data, b->len);
}

/* Writes the rows of the counts that changed, or of all counts. */
static enum outcome
write_count_rows(struct counter *c, bool all)
{
	const struct strmap_entry *e;
	const struct type_counts *t;
	size_t type, i;

	for (type = 0; type < EVENT_TYPES; type++) {
		t = &c->counts.by_type[type];
		for (i = 0; all && (e = strmap_next(&t->users, &i)) != NULL;)
			if (write_count_row(c, type, e->value) != 0)
				return rows_failed(c);
		for (i = 0; !all && i < t->changed_n; i++)
			if (write_count_row(c, type, t->changed[i]) != 0)
				return rows_failed(c);
	}
	return counter_retry(c, flush_rows);
}

static void
advance_version(struct counter *c)
{
	int64_t now = clock_now_ms();

	if (c->state != NULL)
		c->version = state_version(c->state);
	else
		c->version = now > c->version ? now : c->version + 1;
}

static void
save_counts(struct counter *c)
{
	const struct type_counts *t;
	struct buf count = BUF_INIT;
	size_t type, i;

	for (type = 0; type < EVENT_TYPES; type++) {
		t = &c->counts.by_type[type];
		for (i = 0; i < t->changed_n; i++) {
			buf_clear(&count);
			pack_put_signed(&count, t->changed[i]->n);
			buf_clear(&c->text);
			buf_add(&c->text, event_type_names[type],
			    strlen(event_type_names[type]) + 1);
			buf_add(&c->text, t->changed[i]->user,
			    t->changed[i]->user_len);
			state_put(c->counts_table, c->text.data, c->text.len,
			    count.data, count.len);
		}
	}
	buf_release(&count);
}

static enum outcome
commit_state(struct counter *c, bool rows_to_come)
{
	if (rows_to_come)
		state_set_number(c->state, "rows_to_come", 1);
	c->code = state_commit(c->state, &c->why);
	if (c->code == PROG_OK)
		return OUTCOME_DONE;
	log_error("%s", buf_str(&c->why));
	return OUTCOME_NEVER;
}

enum outcome
counter_write_files(struct counter *c)
{
	if (c->job->json_dir == NULL)
		return OUTCOME_DONE;
	c->files_ms = clock_mono_ms();
	c->files_counted = c->counted;
	if (files_write(c->job->json_dir, &c->counts, &c->why) == 0)
		return OUTCOME_DONE;
	c->code = syserr_code(errno, PROG_CANTCREATE);
	log_error("%s", buf_str(&c->why));
	return OUTCOME_NEVER;
}

enum outcome
counter_commit(struct counter *c)
{
	int64_t began = clock_mono_ms();
	enum outcome o;

	event_counts_wait(&c->counts);
	o = counter_retry(c, flush_dead_letters);
	if (o != OUTCOME_DONE)
		return o;
	if (c->out != NULL)
		advance_version(c);
	ids_save(&c->ids);
	if (c->state != NULL) {
		save_counts(c);
		/* The commit point with a state. */
		o = commit_state(c, true);
	} else {
		/* The commit point without a state. */
		o = counter_write_files(c);
	}
	if (o == OUTCOME_DONE && c->out != NULL)
		o = write_count_rows(c, false);
	if (o != OUTCOME_DONE)
		return o;
	event_counts_clear_changed(&c->counts);
	endpoint_ack(c->in);
	if (c->pending > 0)
		daemon_metrics_flushed(c->metrics, clock_mono_ms() - began);
	counter_tell(c);
	c->pending = 0;
	return OUTCOME_DONE;
}

static bool
restore_count(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct counter *c = ctx;
	const char *p = key, *zero = memchr(p, '\0', key_len);
	struct pack r = pack_open_bare(data, len);
	int64_t n = pack_signed(&r);
	enum event_type type;

	if (zero == NULL || pack_end(&r) == -1 ||
	    event_type_parse(p, (size_t)(zero - p), &type) == -1) {
		state_set_damaged(c->state);
		return false;
	}
	event_counts_restore(
	    &c->counts, type, zero + 1, key_len - (size_t)(zero + 1 - p), n);
	return true;
}

void
counter_restore(struct counter *c)
{
	c->counts_table = state_table(c->state, COUNTS, STATE_BYTES);
	if (!state_failed(c->state))
		state_each(c->counts_table, NULL, 0, restore_count, c);
}

enum outcome
counter_write_old_rows(struct counter *c)
{
	enum outcome o;

	if (c->out == NULL || c->state == NULL ||
	    state_number(c->state, "rows_to_come", 0) == 0)
		return OUTCOME_DONE;
	advance_version(c);
	o = write_count_rows(c, true);
	if (o == OUTCOME_DONE)
		o = commit_state(c, false);
	return o;
}

enum outcome
counter_clear_old_rows(struct counter *c)
{
	if (c->out == NULL || c->state == NULL)
		return OUTCOME_DONE;
	state_set_number(c->state, "rows_to_come", 0);
	return commit_state(c, false);
}
