/*
 * forget: reaper --forget; see rights.h.
 */
#define _DEFAULT_SOURCE /* lchown */
#include "reaper/rights.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/lmdb/lmdb_lock.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "common/records/forgotten.h"
#include "reaper/rights/line_file.h"
#include "reaper/rights/personal_tables.h"

enum {
	/* How long to wait until a poll of the tenant has ended, and until no
	 * other process reads its state. */
	POLL_WAIT_MS = 60000,
	POLL_PAUSE_MS = 100,
};

/* A file in the state folder of a stream or of the event counter asks its
 * aggregator to erase a customer (common/records/forgotten.h). If run by
 * root, folder and file belong to the owner of the state. */

enum {
	/* How long to wait for an aggregator: the next minute job runs one. */
	STREAM_WAIT_MS = 120000,
	STREAM_PAUSE_MS = 100,
};

/* True if the folder contains such a state. */
static bool
state_order_takes(const char *dir)
{
	char *path = xasprintf("%s/" STREAM_MDB, dir);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* Returns the order's path, which is always the same for the same customer. */
static char *
order_path(const struct subject *s, const char *dir, const char *ending)
{
	return xasprintf("%s/" FORGET_FOLDER "/%s%s", dir, s->alias, ending);
}

static bool
exists(const struct subject *s, const char *dir, const char *ending)
{
	char *path = order_path(s, dir, ending);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* True if an aggregator has the state open. */
static bool
is_running(const char *dir)
{
	char *path = xasprintf("%s/" STREAM_LOCK, dir);
	struct buf why = BUF_INIT;
	int fd = lock_take(path, &why);

	if (fd >= 0)
		lock_release(fd);
	buf_release(&why);
	free(path);
	return fd < 0;
}

/* True if an aggregator has executed an order for the customer, and has read
 * nothing since: no commit has changed the file, and none is coming. */
static bool
is_still_erased(const struct subject *s, const char *dir)
{
	char *done = order_path(s, dir, FORGET_DONE);
	char *file = xasprintf("%s/" STREAM_MDB, dir);
	struct stat erased, state;
	bool still = !is_running(dir) && !exists(s, dir, FORGET_ENDING) &&
		     stat(done, &erased) == 0 && stat(file, &state) == 0 &&
		     (state.st_mtim.tv_sec < erased.st_mtim.tv_sec ||
			 (state.st_mtim.tv_sec == erased.st_mtim.tv_sec &&
			     state.st_mtim.tv_nsec < erased.st_mtim.tv_nsec));

	free(file);
	free(done);
	return still;
}

static void
remove_order(const struct subject *s, const char *dir, const char *ending)
{
	char *path = order_path(s, dir, ending);

	(void)unlink(path);
	free(path);
}

static int
give_to_owner(const char *dir, const char *path)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(dir, &st) != 0)
		return -1;
	/* A fast aggregator may have executed the order and removed it. */
	return lchown(path, st.st_uid, st.st_gid) == 0 || errno == ENOENT ? 0
									  : -1;
}

static enum exit_code
make_order_folder(const char *dir)
{
	char *path = xasprintf("%s/" FORGET_FOLDER, dir);
	enum exit_code code = PROG_OK;

	if ((mkdir(path, S_IRWXU) != 0 && errno != EEXIST) ||
	    give_to_owner(dir, path) != 0)
		code = syserr_log(PROG_CANTCREATE, "cannot make '%s'", path);
	free(path);
	return code;
}

/* Appends the chats in an order that was not executed yet, because tables and
 * files no longer name them. */
static void
add_waiting(const char *path, struct buf *chats)
{
	struct buf bytes = BUF_INIT, why = BUF_INIT;
	struct forget_order o;
	int rc = forget_order_read(&o, path, &bytes, &why);

	if (rc == 1)
		buf_add(chats, o.chats.p, o.chats.len);
	else if (rc != 0)
		log_warn("the erasure order '%s' is unreadable and is "
			 "replaced; some chats of this customer may keep their "
			 "names in the state until they are closed",
		    path);
	buf_release(&bytes);
	buf_release(&why);
}

static void
pack_chats(const struct subject *s, struct buf *to)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->chats, &i)) != NULL)
		pack_put_text(to, (struct text){ e->key, e->key_len });
}

static enum exit_code
write_order(const struct subject *s, const char *path)
{
	struct forget_order order = {
		.tenant = text_from(s->tenant),
		.customer = text_from(s->id),
		.asked_at = s->asked_at,
		.alias = { s->alias, s->is_operator ? 0 : strlen(s->alias) },
	};
	struct buf chats = BUF_INIT, why = BUF_INIT;
	enum exit_code code;

	pack_chats(s, &chats);
	add_waiting(path, &chats);
	order.chats = (struct text){ chats.data, chats.len };
	code = forget_order_write(&order, path, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&chats);
	buf_release(&why);
	return code;
}

/* Writes the order, which the aggregator executes now or when it starts. The
 * subject must be recorded. */
static enum exit_code
state_order_write(const struct subject *s, const char *dir)
{
	char *path;
	enum exit_code code;

	if (is_still_erased(s, dir))
		return PROG_OK;
	/* The customer may have come back since an earlier order. */
	remove_order(s, dir, FORGET_DONE);
	path = order_path(s, dir, FORGET_ENDING);
	code = make_order_folder(dir);
	if (code == PROG_OK)
		code = write_order(s, path);
	if (code == PROG_OK && give_to_owner(dir, path) != 0)
		code = syserr_log(PROG_CANTCREATE, "cannot write '%s'", path);
	free(path);
	return code;
}

/* Waits until that time, monotonic. Returns PROG_OK if it is complete,
 * otherwise PROG_TEMPFAIL. */
static enum exit_code
state_order_wait(const struct subject *s, const char *dir, int64_t end_ms)
{
	enum exit_code code = PROG_TEMPFAIL;

	while (exists(s, dir, FORGET_ENDING) && clock_mono_ms() < end_ms &&
	       !stop_sleep(STREAM_PAUSE_MS))
		continue;
	if (exists(s, dir, FORGET_ENDING))
		log_error("the state in '%s' still has data about this "
			  "customer; start its aggregator if it is not "
			  "running, then run this again",
		    dir);
	else if (!exists(s, dir, FORGET_DONE))
		log_error("the erasure order in '%s' disappeared without a "
			  "result; run this again",
		    dir);
	else {
		/* A killed run may have left an unfinished order, with the id:
		 * if an earlier order was executed meanwhile, no run overwrites
		 * it. */
		remove_order(s, dir, FORGET_ENDING FILE_NEW);
		remove_order(s, dir, FORGET_DONE);
		code = PROG_OK;
	}
	return code;
}

/* What was erased, by place. */
struct forget_run {
	const struct reaper *options;
	struct subject_lines *lines;
	struct subject *subject;
	struct reaper_paths states; /* of --state and the configuration */
	struct counts counts;
	uint64_t erased; /* rows, lines and files */
	size_t orders;   /* executed by aggregators */
};

static void
count_erased(struct forget_run *f, const char *place, uint64_t n)
{
	f->erased += n;
	counts_add(&f->counts, place, &n);
}

/* Without -o, the output is for people: a receipt that may be kept, because it
 * does not contain the customer's id. */
static enum exit_code
print_receipt(const struct forget_run *f)
{
	const struct subject *s = f->subject;
	char asked[CLOCK_TEXT];

	if (f->options->dry_run || f->options->format != OUTPUT_AUTO)
		return PROG_OK;
	clock_format(s->asked_at, asked);
	printf("The customer was erased from tenant %s: everything up to %s, "
	       "%" PRIu64 " rows and files. The customer's alias is %s.\n",
	    s->tenant, asked, f->erased, s->alias);
	return prog_flush();
}

static enum exit_code
forget_tables(struct forget_run *f)
{
	struct subject *s = f->subject;
	enum outcome o = OUTCOME_DONE;
	uint64_t rows;
	size_t i;

	for (i = 0; i < personal_tables_n && o == OUTCOME_DONE; i++) {
		if (personal_tables[i].change == NULL)
			continue;
		o = forgetting_run(
		    s, &personal_tables[i], f->options->dry_run, &rows);
		if (o == OUTCOME_DONE)
			count_erased(
			    f, tables[personal_tables[i].table].name, rows);
	}
	return o == OUTCOME_DONE ? PROG_OK : reaper_log_failure(s->db, o);
}

/* A line_file_fn. */
static bool
forget_line(void *ctx, const char *line, size_t len, struct buf *instead)
{
	return subject_lines_match(ctx, line, len, instead);
}

/* A file without lines about the customer is left alone. */
static enum exit_code
forget_in_file(void *ctx, const char *path)
{
	struct forget_run *f = ctx;
	enum exit_code code;

	f->lines->found = f->lines->broken = 0;
	code = line_file_read(path, forget_line, f->lines);
	if (code == PROG_OK && f->lines->found > 0 && !f->options->dry_run) {
		f->lines->found = f->lines->broken = 0;
		code = line_file_change(path, forget_line, f->lines);
	}
	if (code != PROG_OK)
		return code;
	count_erased(f, path, f->lines->found);
	rights_warn_of_broken(f->lines, path);
	return PROG_OK;
}

/* Takes the lock that a poll of the tenant holds; returns -1 and *code on
 * failure. */
static int
lock_poll(const char *name, enum exit_code *code)
{
	int64_t end = clock_mono_ms() + POLL_WAIT_MS;
	struct buf why = BUF_INIT;
	int fd;

	do
		fd = lock_take(name, &why);
	while (fd < 0 && errno == EWOULDBLOCK && clock_mono_ms() < end &&
	       !stop_sleep(POLL_PAUSE_MS));
	if (fd < 0) {
		*code = syserr_code(errno, PROG_CANTCREATE);
		log_error("%s", buf_str(&why));
	}
	buf_release(&why);
	return fd;
}

static enum exit_code
remove_unused(const char *path)
{
	if (lmdb_remove(path, POLL_WAIT_MS) == 0)
		return PROG_OK;
	if (errno != EWOULDBLOCK)
		return syserr_log(PROG_IO, "cannot remove '%s'", path);
	log_error("another poller, such as --status or --backfill, has '%s' "
		  "open; run this again when it has ended",
	    path);
	return PROG_TEMPFAIL;
}

/* Removes a file while no other process uses it. */
static enum exit_code
remove_under_lock(const char *path, const char *lock)
{
	enum exit_code code = PROG_OK;
	int fd = lock_poll(lock, &code);

	if (fd < 0)
		return code;
	code = remove_unused(path);
	lock_release(fd);
	return code;
}

enum stream_step { WRITE_ORDERS, WAIT_FOR_THEM };

/* Orders are written before anything is erased here, because tables and files
 * show which chats are the customer's. */
static enum exit_code
order_streams(struct forget_run *f, enum stream_step step)
{
	const struct reaper_paths *states = &f->states;
	int64_t end_ms = clock_mono_ms() + STREAM_WAIT_MS;
	enum exit_code code = PROG_OK;
	const char *dir;
	size_t i;

	for (i = 0; i < states->n && code == PROG_OK; i++) {
		dir = states->path[i];
		if (!state_order_takes(dir))
			continue;
		if (step == WRITE_ORDERS)
			code = state_order_write(f->subject, dir);
		else
			code = state_order_wait(f->subject, dir, end_ms);
		f->orders += step == WAIT_FOR_THEM && code == PROG_OK;
	}
	return code;
}

/* A state that is in the database, too, is erased by its aggregator, which may
 * run on another machine: no order here reaches it. */
static enum exit_code
find_other_machines(struct forget_run *f)
{
	const struct db_value tenant = db_str(f->subject->tenant);
	struct db_rows *rows;
	enum outcome o;
	bool any = false;

	if (f->orders > 0)
		return PROG_OK;
	o = db_query(f->subject->db,
	    "SELECT stream, host FROM stream_heads WHERE tenant = ?", &tenant,
	    1, &rows);
	if (o != OUTCOME_DONE)
		return reaper_log_failure(f->subject->db, o);
	while (db_next(rows)) {
		any = true;
		log_error("the state of stream '%s' still has data about this "
			  "customer; its aggregator runs on '%s': run this "
			  "there, with --state if the configuration does not "
			  "name the state",
		    db_get(rows, 0), db_get(rows, 1));
	}
	db_rows_free(rows);
	return any ? PROG_TEMPFAIL : PROG_OK;
}

/* Removes a file of a state if it exists. Frees both names. */
static enum exit_code
forget_state_file(struct forget_run *f, char *path, char *lock)
{
	enum exit_code code = PROG_OK;
	struct stat st;

	if (stat(path, &st) == 0) {
		if (!f->options->dry_run)
			code = remove_under_lock(path, lock);
		if (code == PROG_OK)
			count_erased(f, path, 1);
	}
	free(path);
	free(lock);
	return code;
}

/* A poller's state file is removed: everything in it is read from the CRM
 * again, and pages that LMDB has freed would still contain deleted data. */
static enum exit_code
forget_in_state(struct forget_run *f, const char *dir)
{
	const char *tenant = f->subject->tenant;

	if (state_order_takes(dir)) {
		count_erased(f, dir, 1);
		return PROG_OK;
	}
	return forget_state_file(f, xasprintf("%s/%s.mdb", dir, tenant),
	    xasprintf("%s/%s.lock", dir, tenant));
}

static enum exit_code
forget_in_files(struct forget_run *f)
{
	const struct reaper_paths *states = &f->states;
	enum exit_code code = rights_each_file(f->options, forget_in_file, f);
	size_t i;

	for (i = 0; i < states->n && code == PROG_OK; i++)
		code = forget_in_state(f, states->path[i]);
	return code;
}

static bool
has_tenant(const char *dir, const char *tenant)
{
	char *poll = xasprintf("%s/%s.mdb", dir, tenant);
	bool there = access(poll, F_OK) == 0 || state_order_takes(dir);

	free(poll);
	return there;
}

/* Adds the state that the configuration names, if it may have data of the
 * tenant. */
static enum exit_code
add_configured_state(struct forget_run *f, const char *section)
{
	const char *dir = conf_text(f->options->common.conf, section, "state");
	size_t i;
	int code;

	if (dir == NULL)
		return PROG_OK;
	if (access(dir, X_OK) != 0 && errno != ENOENT)
		log_warn("the state of [%s] was not searched, because '%s' "
			 "cannot be read; it may have data about this customer",
		    section, dir);
	if (!has_tenant(dir, f->subject->tenant))
		return PROG_OK;
	for (i = 0; i < f->states.n; i++)
		if (file_is_same(dir, f->states.path[i]))
			return PROG_OK;
	code = rights_take_path(dir, &f->states);
	return code == -1 ? PROG_OK : (enum exit_code)code;
}

/* Writes the entry first, then searches for chats again, because a sink may
 * have stored more of the customer's chats before it saw the entry. */
static enum exit_code
record_subject_and_chats(struct subject *s)
{
	enum outcome o = subject_record(s);

	FAULT_POINT("reaper.customer_recorded");
	if (o == OUTCOME_DONE)
		o = subject_read(s);
	if (o == OUTCOME_DONE)
		o = subject_record_chats(s);
	FAULT_POINT("reaper.chats_recorded");
	return o == OUTCOME_DONE ? PROG_OK : reaper_log_failure(s->db, o);
}

/* True if a state on the command line may contain the customer: only its
 * program reads its data. A configured state does not count, because then no
 * misspelled id would be noticed. */
static bool
may_be_in_states(const struct forget_run *f)
{
	const struct reaper_paths *states = &f->options->states;
	size_t i;

	for (i = 0; i < states->n; i++)
		if (has_tenant(states->path[i], f->subject->tenant))
			return true;
	return false;
}

/* Finds whether anything that --export would show is, or may be, stored about
 * the customer. */
static enum exit_code
look_for_anything(struct forget_run *f, bool *any)
{
	struct subject *s = f->subject;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	*any = s->recorded || s->chats.n > 0 || f->lines->found > 0;
	s->asked_at = clock_now_ms();
	for (i = 0; i < personal_tables_n && !*any && o == OUTCOME_DONE; i++)
		o = row_exists(
		    s, personal_tables[i].table, personal_tables[i].about, any);
	if (o != OUTCOME_DONE)
		return reaper_log_failure(s->db, o);
	*any = *any || may_be_in_states(f);
	return PROG_OK;
}

static enum exit_code
forget_all(struct forget_run *f)
{
	bool dry_run = f->options->dry_run, any;
	enum exit_code code = look_for_anything(f, &any), undone = PROG_OK;
	enum outcome o;

	if (code == PROG_OK && !any) {
		log_error("tenant '%s' has no data about a customer with this "
			  "id",
		    f->subject->tenant);
		return PROG_NOINPUT;
	}
	if (code == PROG_OK)
		code = add_configured_state(f, "poller");
	if (code == PROG_OK)
		code = add_configured_state(f, "aggregator");
	if (code == PROG_OK && !dry_run)
		code = record_subject_and_chats(f->subject);
	if (code == PROG_OK && !dry_run)
		code = order_streams(f, WRITE_ORDERS);
	FAULT_POINT("reaper.order_written");
	/* From now on, sinks write no erased data. */
	if (code == PROG_OK && !dry_run)
		undone = order_streams(f, WAIT_FOR_THEM);
	if (code == PROG_OK && !dry_run && undone == PROG_OK)
		undone = find_other_machines(f);
	if (code == PROG_OK)
		code = forget_tables(f);
	if (code == PROG_OK)
		code = forget_in_files(f);
	if (code == PROG_OK)
		code = undone;
	if (code != PROG_OK)
		return code;
	FAULT_POINT("reaper.before_done");
	o = dry_run ? OUTCOME_DONE : subject_done(f->subject);
	if (o != OUTCOME_DONE)
		return reaper_log_failure(f->subject->db, o);
	code = counts_print(&f->counts);
	return code == PROG_OK ? print_receipt(f) : code;
}

static enum exit_code
forget_subject(const struct reaper *r, struct subject_lines *l)
{
	static const struct output_column columns[] = {
		{ "place", OUTPUT_TEXT }, { "rows", OUTPUT_NUMBER }
	};
	struct forget_run f = { .options = r,
		.lines = l,
		.subject = l->subject,
		.states = r->states };
	enum exit_code code;

	counts_init(&f.counts, r, "forgotten", l->subject->tenant, columns,
	    ARRAY_LEN(columns));
	code = forget_all(&f);
	counts_release(&f.counts);
	return code;
}

static enum exit_code
read_and_forget(const struct reaper *r)
{
	return rights_read_and(r, forget_subject);
}

static enum exit_code
run_forget(void *options)
{
	return reaper_with_db(options, read_and_forget);
}

static const struct option_row forget_rows[] = {
	OPTION_FORMAT(struct reaper, format),
	RIGHTS_OPTIONS,
	OPTION_REPEATED("state", "DIR", struct reaper, states, rights_take_path,
	    "another state folder; may be repeated"),
	REAPER_DRY_RUN,
};

const struct option_mode reaper_mode_forget = {
	.choice = OPTION_TEXT(0, "forget", "CUSTOMER", struct reaper, forget,
	    "erase a customer's data; metrics stay"),
	.about = "Erases the data of the customer with this id in the CRM; "
		 "metrics stay.\n",
	.rows = forget_rows,
	.rows_n = ARRAY_LEN(forget_rows),
	.check = rights_check_options,
	.run = run_forget,
};
