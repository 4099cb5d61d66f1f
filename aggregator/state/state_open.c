/*
 * state_open: opens a state, or refuses it; see state.h.
 *
 * Before anything is used it checks that the pages are those that were written
 * (state_checksums.c), that the version is ours and that the settings are the
 * same. A state of the version before is read, and of ours from its first
 * commit on.
 *
 * A new file is committed first, then its log is made, then it is committed
 * again: a file with more than the first commit is refused without its log.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"
#include "common/os/file.h"
#include "common/os/lock.h"

#include "aggregator/state/state_lock.h"

#define FORMAT "messaging-analytics stream 11"
#define FORMAT_BEFORE "messaging-analytics stream 10"
#define SPAN_BEFORE_MS HOUR_MS /* of states that do not store one */
enum { FIRST_COMMIT = 1 };

/* The name to open: that of the file, or a temporary one for a new file, which
 * is renamed once it is whole. */
static char *
choose_state_file(const struct state *s)
{
	struct stat st;
	char *name;

	if (lstat(s->path, &st) == 0 && st.st_size > 0)
		return xstrdup(s->path);
	name = xasprintf("%s.new", s->path);
	(void)unlink(name);
	return name;
}

static bool
has_file(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

bool
state_is_there(const char *dir)
{
	return has_file(dir, STREAM_MDB) || has_file(dir, STREAM_LOG);
}

static int
open_lmdb(struct state *s, const char *name)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NORDAHEAD | MDB_NOLOCK;
	int rc = mdb_env_create(&s->env);

	s->map = state_map_size(s);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, STATE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, s->map);
	if (rc == 0) {
		state_prepare_guard(s);
		state_guard(s, true);
		/* stream.lock is held already, so LMDB needs no lock. */
		rc = mdb_env_open(s->env, name, flags, 0600);
	}
	state_guard(s, false);
	return rc;
}

/* Opens the files beside LMDB's. */
static int
open_side_files(struct state *s)
{
	int rc;

	s->wrong_file = STREAM_ACKNOWLEDGED;
	rc = state_acknowledged_open(s, s->is_new);
	if (rc != 0)
		return rc;
	s->wrong_file = STREAM_SUMS;
	rc = state_checksums_open(s, s->is_new);
	if (rc == 0)
		s->wrong_file = NULL;
	return rc;
}

static int
open_state_file(struct state *s)
{
	char *name = choose_state_file(s);
	bool stepped = false;
	int rc;

	s->is_new = strcmp(name, s->path) != 0;
	rc = s->is_new ? 0 : open_side_files(s);
	if (rc == 0)
		rc = open_lmdb(s, name);
	if (rc == 0 && !s->is_new)
		rc = state_checksums_step_back(s, &stepped);
	if (rc == 0 && stepped) {
		mdb_env_close(s->env);
		rc = open_lmdb(s, name);
	}
	if (rc == 0 && !s->is_new)
		rc = state_checksums_check(s);
	free(name);
	return rc;
}

static bool
get_meta_text(struct state *s, const char *key, const char **text, size_t *len)
{
	const void *data;

	if (!state_get(s->meta, key, strlen(key), &data, len))
		return false;
	*text = data;
	return true;
}

static void
put_meta_text(struct state *s, const char *key, const char *text)
{
	state_put(s->meta, key, strlen(key), text, strlen(text));
}

/* There is no log yet, so this commit is a checkpoint. */
static enum exit_code
commit_new_state(struct state *s, struct buf *why)
{
	enum exit_code code = state_commit(s, why);
	char *name = xasprintf("%s.new", s->path);

	if (code == PROG_OK && (s->is_new ? file_rename(name, s->path)
					  : file_sync_folder_of(s->path)) != 0)
		code = syserr_explain(why, PROG_CANTCREATE,
		    "cannot write the folder of '%s'", s->path);
	free(name);
	return code;
}

/* Writes into a new file what it is made for. */
static enum exit_code
create_state(struct state *s, const struct state_identity *id, struct buf *why)
{
	int rc;

	if (access(s->log.path, F_OK) == 0)
		return state_explain_log(s, STATE_LOG_FOREIGN, why);
	if (s->seed[0] == 0 && s->seed[1] == 0)
		random_fill(s->seed, sizeof s->seed);
	rc = open_side_files(s);
	if (rc != 0)
		return state_explain(s, rc, why);
	s->acknowledged.seed = s->seed[0];
	put_meta_text(s, "format", FORMAT);
	put_meta_text(s, "definition", id->definition);
	state_set_number(s, "window", id->window_ms);
	if (id->span_ms != 0)
		state_set_number(s, "span", id->span_ms);
	if (id->part != NULL && id->part[0] != '\0')
		put_meta_text(s, "part", id->part);
	state_put(s->meta, "seed", 4, s->seed, sizeof s->seed);
	return commit_new_state(s, why);
}

/* Refuses a state of another shard, or of another epoch of the topology. */
static enum exit_code
check_state_part(struct state *s, const char *want, struct buf *why)
{
	const char *text = "";
	size_t len = 0;

	if (want == NULL)
		return PROG_OK;
	if (!get_meta_text(s, "part", &text, &len))
		len = 0;
	if (s->rc != 0)
		return state_explain(s, MDB_CORRUPTED, why);
	if (len == strlen(want) && memcmp(text, want, len) == 0)
		return PROG_OK;
	buf_setf(why,
	    "state '%s' is that of %s%.*s, not of %s%s; choose another folder "
	    "with --state",
	    s->path, len > 0 ? "part " : "one aggregator alone", (int)len, text,
	    want[0] != '\0' ? "part " : "one alone", want);
	return PROG_CONFIG;
}

static enum exit_code
check_state_settings(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const char *text = NULL;
	size_t len = 0;
	int64_t window;

	if (!get_meta_text(s, "definition", &text, &len) || s->rc != 0)
		return state_explain(s, MDB_CORRUPTED, why);
	if (len != strlen(id->definition) ||
	    memcmp(text, id->definition, len) != 0) {
		buf_setf(why,
		    "state '%s' was made with --definition %.*s; give that, "
		    "or choose another folder with --state",
		    s->path, (int)len, text);
		return PROG_CONFIG;
	}
	window = state_number(s, "window", -1);
	if (window != id->window_ms) {
		buf_setf(why,
		    "state '%s' was made with --window %llds; give that, or "
		    "choose another folder with --state",
		    s->path, (long long)(window / 1000));
		return PROG_CONFIG;
	}
	if (id->span_ms != 0 &&
	    state_number(s, "span", SPAN_BEFORE_MS) != id->span_ms)
		return state_explain(s, MDB_VERSION_MISMATCH, why);
	return check_state_part(s, id->part, why);
}

static bool
is_meta_text(const char *text, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(text, want, len) == 0;
}

static enum exit_code
check_state_identity(
    struct state *s, const struct state_identity *id, struct buf *why)
{
	const void *data = NULL;
	const char *text = NULL;
	size_t len = 0;

	s->meta = state_table(s, "meta", STATE_BYTES);
	if (s->meta == NULL)
		return state_explain(s, s->rc, why);
	if (!get_meta_text(s, "format", &text, &len)) {
		if (s->rc != 0)
			return state_explain(s, s->rc, why);
		return state_count(s->meta) == 0
			   ? create_state(s, id, why)
			   : state_explain(s, MDB_VERSION_MISMATCH, why);
	}
	if (!is_meta_text(text, len, FORMAT) &&
	    !is_meta_text(text, len, FORMAT_BEFORE))
		return state_explain(s, MDB_VERSION_MISMATCH, why);
	if (!state_get(s->meta, "seed", 4, &data, &len) ||
	    len != sizeof s->seed)
		return state_explain(s, MDB_CORRUPTED, why);
	memcpy(s->seed, data, sizeof s->seed);
	if (s->seed[0] != s->acknowledged.seed)
		return state_explain_log(s, STATE_LOG_FOREIGN, why);
	return check_state_settings(s, id, why);
}

/* A file that has only its first commit has no log yet. */
static enum exit_code
make_missing_log(struct state *s, struct buf *why)
{
	if (s->commits > FIRST_COMMIT)
		return state_explain_log(s, STATE_LOG_NONE, why);
	if (state_log_make(&s->log, s->seed) == 0)
		return PROG_OK;
	s->wrong_file = STREAM_LOG;
	return state_explain(s, errno, why);
}

/* Opens the log, and applies the commits that the file lacks. */
static enum exit_code
open_state_log(struct state *s, struct buf *why)
{
	uint64_t had;
	enum state_log_result r;
	enum exit_code code;

	s->commits = had = (uint64_t)state_number(s, STATE_COMMIT_NUMBER, 0);
	r = s->rc == 0 ? state_log_open(&s->log, s->seed) : STATE_LOG_OK;
	if (r == STATE_LOG_NONE) {
		code = make_missing_log(s, why);
		if (code != PROG_OK)
			return code;
	} else if (r == STATE_LOG_OK && s->rc == 0) {
		r = state_log_each(&s->log, &s->commits, state_replay, s);
		if (r != STATE_LOG_OK && s->rc == 0)
			return state_explain_log(s, r, why);
	} else if (s->rc == 0) {
		return state_explain_log(s, r, why);
	}
	if (s->rc == 0 && s->commits < s->acknowledged.commits)
		return state_explain_log(s, STATE_LOG_SHORT, why);
	if (had <= FIRST_COMMIT && s->commits <= FIRST_COMMIT)
		s->commits = FIRST_COMMIT + 1;
	if (s->commits != had)
		state_checkpoint(s);
	return s->rc == 0 ? PROG_OK : state_explain(s, s->rc, why);
}

/* Programs of the version before refuse it once something is committed. */
static void
raise_version(struct state *s)
{
	const char *text = NULL;
	size_t len = 0;

	if (get_meta_text(s, "format", &text, &len) &&
	    is_meta_text(text, len, FORMAT_BEFORE))
		put_meta_text(s, "format", FORMAT);
}

struct state *
state_open(const char *dir, const struct state_identity *id, size_t limit,
    enum exit_code *code, struct buf *why)
{
	return state_open_seeded(dir, id, limit, NULL, code, why);
}

struct state *
state_open_seeded(const char *dir, const struct state_identity *id,
    size_t limit, const uint64_t seed[2], enum exit_code *code, struct buf *why)
{
	struct state *s = xcalloc(1, sizeof *s);
	int rc;

	s->lock = s->acknowledged.fd = s->sums.fd = -1;
	s->limit = limit;
	s->dir = xstrdup(dir);
	s->path = xasprintf("%s/" STREAM_MDB, dir);
	if (seed != NULL)
		memcpy(s->seed, seed, sizeof s->seed);
	state_log_init(&s->log, dir);
	s->lock = state_lock_take(dir, STREAM_LOCK, code, why);
	if (s->lock >= 0) {
		rc = state_exchange_finish(dir) == 0 ? open_state_file(s)
						     : errno;
		*code = rc == 0 ? check_state_identity(s, id, why)
				: state_explain(s, rc, why);
		if (*code == PROG_OK)
			*code = open_state_log(s, why);
		if (*code == PROG_OK) {
			raise_version(s);
			return s;
		}
	}
	state_close(s);
	return NULL;
}

void
state_close(struct state *s)
{
	size_t i;

	if (s == NULL)
		return;
	(void)state_is_committed(s, true);
	state_log_thread_free(s->log_thread);
	if (state_log_any(&s->log) && !s->changed)
		state_checkpoint(s);
	if (s->writer != NULL)
		mdb_txn_abort(s->writer);
	if (s->reader != NULL)
		mdb_txn_abort(s->reader);
	if (s->env != NULL)
		mdb_env_close(s->env);
	lock_release(s->lock);
	for (i = 0; i < s->tables_n; i++) {
		free(s->tables[i]->name);
		free(s->tables[i]);
	}
	state_log_release(&s->log);
	state_checksums_release(&s->sums);
	state_acknowledged_release(&s->acknowledged);
	buf_release(&s->ops);
	free(s->pages.slots);
	free(s->path);
	free(s->dir);
	free(s);
}
