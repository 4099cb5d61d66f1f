/*
 * dead_letters: aggregator --dead-letters, used by scripts/dead-letters. It
 * reads the dead letters (deadletter.h) that are now in a queue. If the output
 * is a file or a pipe, it writes them there, and they stay in the queue. If the
 * output is a queue, it publishes their records and then removes these dead
 * letters. With --drop it only removes them and prints how many.
 *
 * Each dead letter is a separate message (endpoint_amqp_write.c). A message
 * with several dead letters from another program is removed only when all of
 * them are selected. Guarantee: a message is acknowledged only after the broker
 * has confirmed its records. A crash before this point delivers records twice.
 * No dead letter is lost, except those that --drop was removing.
 *
 * A dead letter without a record, such as the body of a webhook, is not
 * replayed, because no program takes it as input.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"

#include "aggregator/modes/modes.h"

/* A dead letter contains its record as a JSON string, which needs up to six
 * bytes per byte. */
#define DEAD_LETTER_MAX (8 * (size_t)RECORD_MAX_LINE)
/* Maximum number of messages between two commits. */
#define MARKS_MAX 500
/* Readable bytes that record_parse() needs after the text. */
#define READABLE 64

enum dead_letters_do {
	DO_SHOW,
	DO_REPLAY, /* these two remove dead letters */
	DO_DROP,
};

struct dead_letters_run {
	const char *reason; /* select only those whose reason contains this;
			     * NULL: all */
	enum dead_letters_do what;
	struct endpoint *in, *out;
	struct flat flat;

	/* For the current message. */
	struct buf records; /* lines */
	uint64_t taken, kept;
	uint64_t unfit; /* number of kept ones that were selected */

	struct endpoint_mark
	    marks[MARKS_MAX]; /* written and not acknowledged */
	size_t marks_n;
	uint64_t moved;         /* number of dead letters in these messages */
	uint64_t removed, left; /* numbers of dead letters */
	uint64_t asked_left;    /* number of remaining ones that were
				 * selected */
	uint64_t connection;    /* the connection over which the queue is
				 * read */
	enum exit_code code;
};

/* Ends the run if the connection is lost: everything unacknowledged would be
 * delivered again, and be shown or counted twice. */
static bool
end_without_link(struct dead_letters_run *r)
{
	log_error("lost the connection to '%s'; %" PRIu64
		  " dead letters were removed, perhaps more; run it again for "
		  "the rest",
	    endpoint_name(r->in), r->removed);
	r->code = PROG_TEMPFAIL;
	return false;
}

static bool
is_still_linked(struct dead_letters_run *r)
{
	return endpoint_mark(r->in).connection == r->connection ||
	       end_without_link(r);
}

/* The reader of a pipe may stop early, which is not an error. */
static bool
write_failed(struct dead_letters_run *r, struct endpoint *to)
{
	r->code = endpoint_code(to);
	if (r->code == PROG_OK && r->what == DO_SHOW)
		return false;
	if (r->code == PROG_OK)
		r->code = PROG_TEMPFAIL;
	log_error("%s; the dead letters stay in the queue", endpoint_why(to));
	return false;
}

static bool
commit_replay(struct dead_letters_run *r)
{
	if (r->marks_n > 0 && endpoint_flush(r->out) != OUTCOME_DONE)
		return write_failed(r, r->out);
	/* Commit point: the records are safe elsewhere. */
	if (!endpoint_ack_only(r->in, r->marks, r->marks_n))
		return end_without_link(r);
	r->removed += r->moved;
	r->moved = r->marks_n = 0;
	return true;
}

/* All dead letters of the message have been examined. */
static bool
end_of_message(struct dead_letters_run *r)
{
	bool moves = r->taken > 0 && r->kept == 0, ok = true;

	if (moves) {
		r->moved += r->taken;
		ok = buf_each_line(
			 &r->records, aggregator_write_line, r->out) == 0 ||
		     write_failed(r, r->out);
		r->marks[r->marks_n++] = endpoint_mark(r->in);
	} else {
		r->left += r->taken + r->kept;
		r->asked_left += r->taken + r->unfit;
	}
	buf_clear(&r->records);
	r->taken = r->kept = r->unfit = 0;
	return ok && (r->marks_n < MARKS_MAX || commit_replay(r));
}

/* True if the dead letter contains a record in the bytes after `from`. */
static bool
is_record_kept(struct dead_letters_run *r, size_t from)
{
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT, copy = BUF_INIT;
	struct record record;
	size_t len = r->records.len - from;
	bool is;

	buf_add(&copy, r->records.data + from, len);
	memset(buf_room(&copy, READABLE), 0, READABLE);
	is = memchr(copy.data, '\n', len) == NULL &&
	     record_parse(&record, &flat, copy.data, len, &why) == 0 &&
	     record.type != RECORD_UNKNOWN;
	flat_release(&flat);
	buf_release(&copy);
	buf_release(&why);
	return is;
}

/* Extracts the record from the dead letter; false if it stays there. */
static bool
take_record(struct dead_letters_run *r)
{
	const struct flat_field *record = flat_find(&r->flat, "record");
	size_t before = r->records.len;

	if (record == NULL || record->kind != FLAT_STRING ||
	    record->val_len == 0)
		return false;
	buf_add(&r->records, record->val, record->val_len);
	if (!is_record_kept(r, before)) {
		r->records.len = before;
		return false;
	}
	buf_addc(&r->records, '\n');
	return true;
}

/* An unreadable dead letter has no reason. */
static bool
is_reason_asked_for(const struct dead_letters_run *r, bool readable)
{
	const struct flat_field *f;
	char *reason;
	bool is;

	if (r->reason == NULL || !readable)
		return r->reason == NULL;
	f = flat_find(&r->flat, "reason");
	if (f == NULL || f->kind != FLAT_STRING)
		return false;
	reason = xstrndup(f->val, f->val_len);
	is = strstr(reason, r->reason) != NULL;
	free(reason);
	return is;
}

static bool
take_dead_letter(struct dead_letters_run *r, const char *line, size_t len)
{
	struct buf why = BUF_INIT;
	bool readable = flat_parse(&r->flat, line, len, &why) == 0;
	bool asked = is_reason_asked_for(r, readable);

	buf_release(&why);
	if (r->what == DO_SHOW)
		return !asked || endpoint_write(r->out, line, len) == 0 ||
		       write_failed(r, r->out);
	if (asked && (r->what == DO_DROP || (readable && take_record(r)))) {
		r->taken++;
		return true;
	}
	r->kept++;
	r->unfit += asked;
	return true;
}

/* A dead letter that is too long to read can only be dropped together with all
 * others. */
static void
on_long_dead_letter(struct dead_letters_run *r)
{
	bool taken = r->what == DO_DROP && r->reason == NULL;

	r->taken += taken;
	r->kept += !taken;
	r->unfit += !taken && r->reason == NULL;
}

static enum endpoint_status
read_dead_letters(struct dead_letters_run *r)
{
	enum endpoint_status status;
	char *line = NULL;
	size_t len = 0;
	bool ok = true;

	while (ok && !stop_asked()) {
		status = endpoint_read(r->in, &line, &len, -1);
		if (status == ENDPOINT_WAIT)
			continue;
		if (status == ENDPOINT_FAILED)
			return status;
		/* The queue also appears empty as long as the broker has not
		 * noticed that the old connection is lost. */
		ok = is_still_linked(r);
		if (status != ENDPOINT_RECORD && status != ENDPOINT_TOOLONG)
			return status;
		if (ok && status == ENDPOINT_RECORD)
			ok = take_dead_letter(r, line, len);
		else if (ok)
			on_long_dead_letter(r);
		if (ok && r->what != DO_SHOW && endpoint_ends_message(r->in))
			ok = end_of_message(r);
	}
	return ENDPOINT_EMPTY;
}

static void
log_replayed(const struct dead_letters_run *r)
{
	log_info("dead_letters_replayed",
	    "from=%s replayed=%" PRIu64 " left=%" PRIu64, endpoint_name(r->in),
	    r->removed, r->left);
	if (r->asked_left > 0)
		log_warn("%" PRIu64
			 " dead letters stay in '%s': they have no usable "
			 "record; the sender must send it again",
		    r->asked_left, endpoint_name(r->in));
}

static void
tell_dropped(struct dead_letters_run *r)
{
	struct buf number = BUF_INIT;

	log_info("dead_letters_dropped",
	    "from=%s dropped=%" PRIu64 " left=%" PRIu64, endpoint_name(r->in),
	    r->removed, r->left);
	buf_addf(&number, "%" PRIu64, r->removed);
	if (endpoint_write(r->out, number.data, number.len) != 0 ||
	    endpoint_flush(r->out) != OUTCOME_DONE)
		r->code = endpoint_code(r->out);
	if (r->code != PROG_OK)
		log_error("%s; %s dead letters were removed",
		    endpoint_why(r->out), buf_str(&number));
	buf_release(&number);
}

static enum exit_code
show_or_remove(struct dead_letters_run *r)
{
	enum endpoint_status status = read_dead_letters(r);

	if (r->code == PROG_OK && status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(r->in));
		r->code = endpoint_code(r->in);
	}
	if (r->code == PROG_OK && !commit_replay(r))
		return r->code;
	if (r->code == PROG_OK && endpoint_flush(r->out) != OUTCOME_DONE)
		(void)write_failed(r, r->out);
	if (r->code == PROG_OK && r->what == DO_REPLAY)
		log_replayed(r);
	if (r->code == PROG_OK && r->what == DO_DROP)
		tell_dropped(r);
	return r->code;
}

static enum exit_code
open_and_run(const struct aggregator *a)
{
	struct dead_letters_run *r = xcalloc(1, sizeof *r);
	struct endpoint_options opt = { .conf = a->common.conf }, reading = opt;
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	r->reason = a->reason;
	r->what = a->drop                                 ? DO_DROP
		  : endpoint_amqp_name(a->job.to) != NULL ? DO_REPLAY
							  : DO_SHOW;
	reading.present = true;
	reading.max_line = DEAD_LETTER_MAX;
	/* What is shown or left stays unacknowledged. Without those, a limit
	 * keeps the broker's answers from queueing behind all deliveries. */
	reading.prefetch = r->what == DO_DROP && r->reason == NULL
			       ? 2 * MARKS_MAX
			       : ENDPOINT_NO_PREFETCH_LIMIT;
	r->out = endpoint_open_write(a->job.to, &opt, &why, &code);
	if (r->out != NULL)
		r->in = endpoint_open_read(a->job.from, &reading, &why, &code);
	if (r->in != NULL) {
		r->connection = endpoint_mark(r->in).connection;
		code = show_or_remove(r);
	} else {
		log_error("%s", buf_str(&why));
	}
	endpoint_close(r->out);
	endpoint_close(r->in);
	flat_release(&r->flat);
	buf_release(&r->records);
	buf_release(&why);
	free(r);
	return code;
}

static const struct option_row rows[] = {
	OPTION_REQUIRED_TAKE('f', "from", "queue:NAME.dead", struct aggregator,
	    job.from, endpoint_take, "the dead-letter queue"),
	OPTION_TAKE('t', "to", "TO", struct aggregator, job.to, endpoint_take,
	    "where they go; a queue: records"),
	OPTION_FLAG(
	    "drop", struct aggregator, drop, "remove them and print how many"),
	OPTION_TEXT(0, "reason", "TEXT", struct aggregator, reason,
	    "only those whose reason has this text"),
};

static int
check_dead_letters(void *options)
{
	const struct aggregator *a = options;
	size_t len = strlen(a->job.from), n = strlen(".dead");

	if (!endpoint_is_queue(a->job.from) || len <= n ||
	    strcmp(a->job.from + len - n, ".dead") != 0)
		return prog_usage_error("--dead-letters needs a dead-letter "
					"queue, such as -f queue:rows.dead");
	if (strcmp(a->job.from, a->job.to) == 0)
		return prog_usage_error(
		    "'%s' is the queue they are in; choose another -t",
		    a->job.to);
	if (a->drop && strcmp(a->job.to, "-") != 0)
		return prog_usage_error("--drop writes nothing; remove -t");
	return -1;
}

static enum exit_code
run_dead_letters(void *options)
{
	const struct aggregator *a = options;

	return a->common.only_check ? PROG_OK : open_and_run(a);
}

const struct option_mode aggregator_mode_dead_letters = {
	.choice =
	    OPTION_MODE("dead-letters", "show, replay or drop dead letters"),
	.about = "Shows the contents of a dead-letter queue, replays its "
		 "records into a queue,\nor drops them.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_dead_letters,
	.run = run_dead_letters,
};
