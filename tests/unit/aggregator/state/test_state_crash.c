/*
 * A state whose process dies anywhere: at each of its writes and syncs, before
 * it, in the middle or behind, alone or with the power, which takes any
 * sectors with it that were not synced. What state_commit() said is there
 * afterwards, the commit that was under way is there or is not, and nothing
 * else is.
 *
 * For that the calls that write, and the clock, are defined here over those of
 * the C library: LMDB's go through them as well.
 */
#define _GNU_SOURCE

#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "aggregator/state/state.h"

#define DAY INT64_C(86400000)
#define LIMIT ((size_t)64 << 20)

enum { SECTOR = 512, LOST_MAX = 8192, DIED = 42 };
enum { BYTES = 3, NUMBERS = 1, TABLES = BYTES + NUMBERS, KEYS = 24 };
enum { VALUE_MAX = 240, COMMITS = 14, ROUNDS = 120 };

static const struct state_identity ours = { "ours", DAY, NULL, 0 };
static struct buf why;

/* What a write that is not synced took the place of. */
static struct lost {
	int fd;
	off_t at, size;
	char *old;
	size_t len;
} lost[LOST_MAX];
static size_t lost_n;

/* How the process dies. */
static struct {
	bool power;
	size_t at;     /* the step at which it does; 0: it does not */
	size_t step;   /* so far */
	unsigned seed; /* what gets lost */
} death;

/* Seconds that have passed by themselves. */
static int64_t skipped;

/* What parent and child share. */
static struct shared {
	size_t begun, said; /* commits */
	int64_t version;    /* of the last that was said */
	size_t steps;
} * shared;

static unsigned
draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += skipped;
	return rc;
}

static void
write_raw(int fd, const char *p, size_t len, off_t at)
{
	if (syscall(SYS_pwrite64, fd, p, len, at) != (long)len)
		abort();
}

/* The newest first: what was there at the last sync comes back. */
static void
lose_power(void)
{
	size_t i, at, n;

	for (i = lost_n; i-- > 0;) {
		const struct lost *l = &lost[i];

		for (at = 0; at < l->len; at += n) {
			n = l->len - at < SECTOR ? l->len - at : SECTOR;
			if (draw(&death.seed, 2) == 0)
				write_raw(
				    l->fd, l->old + at, n, l->at + (off_t)at);
		}
		if (draw(&death.seed, 8) == 0 &&
		    lseek(l->fd, 0, SEEK_END) > l->size &&
		    ftruncate(l->fd, l->size) != 0)
			abort();
	}
}

static bool
is_time(void)
{
	return ++death.step == death.at;
}

static void
die(void)
{
	if (death.power)
		lose_power();
	_exit(DIED);
}

static void
remember(int fd, size_t len, off_t at)
{
	struct lost *l = &lost[lost_n];
	struct stat st;

	/* One through this flag is its own sync. */
	if (!death.power || (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
		return;
	if (++lost_n == LOST_MAX || fstat(fd, &st) != 0)
		abort();
	*l = (struct lost){ fd, at, st.st_size, xcalloc(1, len + 1), len };
	if (pread(fd, l->old, len, at) < 0)
		abort();
}

static void
forget(int fd)
{
	size_t i, n = 0;

	for (i = 0; i < lost_n; i++)
		if (lost[i].fd == fd)
			free(lost[i].old);
		else
			lost[n++] = lost[i];
	lost_n = n;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	bool half;

	if (is_time())
		die();
	half = is_time();
	remember(fd, len, at);
	write_raw(fd, data, half ? len / 2 : len, at);
	if (half || is_time())
		die();
	return (ssize_t)len;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	struct buf all = BUF_INIT;
	ssize_t rc;
	int i;

	for (i = 0; i < n; i++)
		if (iov[i].iov_len > 0)
			buf_add(&all, iov[i].iov_base, iov[i].iov_len);
	rc = pwrite(fd, buf_str(&all), all.len, at);
	buf_release(&all);
	return rc;
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	ssize_t rc = pwritev(fd, iov, n, lseek(fd, 0, SEEK_CUR));

	if (lseek(fd, rc, SEEK_CUR) < 0)
		abort();
	return rc;
}

/* Nothing is synced in truth: the machine stays. */
static int
sync_file(int fd)
{
	if (is_time())
		die();
	forget(fd);
	if (is_time())
		die();
	return 0;
}

int
fdatasync(int fd)
{
	return sync_file(fd);
}

int
fsync(int fd)
{
	return sync_file(fd);
}

/* What must be in a state. */
static struct oracle {
	struct value {
		bool there;
		size_t len;
		char data[VALUE_MAX];
	} tables[TABLES][KEYS];
	int64_t number;
} oracle;

static size_t
key_of(size_t table, size_t i, char key[8])
{
	uint64_t number = i * 1000;

	if (table >= BYTES) {
		memcpy(key, &number, sizeof number);
		return sizeof number;
	}
	(void)snprintf(key, 8, "%c%02u", (int)('a' + i % 3), (unsigned)(i / 3));
	return 3;
}

static struct state_table *
open_table(struct state *s, size_t i)
{
	char name[] = "table0";

	name[5] = (char)('0' + i);
	return state_table(s, name, i < BYTES ? STATE_BYTES : STATE_NUMBERS);
}

/* Each change happens to the oracle, and to the state unless that is NULL. */
static void
change_value(struct state *s, size_t table, size_t i, unsigned *seed)
{
	struct value *v = &oracle.tables[table][i];
	char key[8];
	size_t key_len = key_of(table, i, key), at, n;

	if (!v->there || draw(seed, 3) == 0)
		v->len = draw(seed, VALUE_MAX);
	at = draw(seed, VALUE_MAX);
	for (n = draw(seed, 40); n > 0 && at < VALUE_MAX; n--, at++)
		v->data[at] = (char)draw(seed, 256);
	v->there = true;
	if (s != NULL)
		state_put(open_table(s, table), key, key_len, v->data, v->len);
}

static void
delete_value(struct state *s, size_t table, size_t i)
{
	char key[8];
	size_t len = key_of(table, i, key);

	oracle.tables[table][i].there = false;
	memset(oracle.tables[table][i].data, 0, VALUE_MAX);
	if (s != NULL)
		state_delete(open_table(s, table), key, len);
}

static void
delete_some(struct state *s, size_t table, unsigned *seed)
{
	size_t first = draw(seed, 3), max = draw(seed, 4) + 1, i, n = 0;
	char prefix = (char)('a' + first);

	for (i = first; i < KEYS && n < max; i += 3) {
		if (oracle.tables[table][i].there) {
			delete_value(NULL, table, i);
			n++;
		}
	}
	if (s != NULL)
		assert_int_equal(
		    state_delete_prefix(open_table(s, table), &prefix, 1, max),
		    n);
}

static void
empty_table(struct state *s, size_t table)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		delete_value(NULL, table, i);
	if (s != NULL)
		state_empty(open_table(s, table));
}

/* What commit n of that seed is. */
static void
change(struct state *s, unsigned seed, size_t n)
{
	unsigned d = seed + (unsigned)n * 7919, left = draw(&d, 30) + 1;
	size_t table;

	for (; left > 0; left--) {
		table = draw(&d, TABLES);
		switch (draw(&d, 24)) {
		case 0:
			empty_table(s, table);
			break;
		case 1:
		case 2:
			delete_some(s, table % BYTES, &d);
			break;
		case 3:
		case 4:
		case 5:
			delete_value(s, table, draw(&d, KEYS));
			break;
		default:
			change_value(s, table, draw(&d, KEYS), &d);
		}
	}
	oracle.number = (int64_t)n;
	if (s != NULL)
		state_set_number(s, "n", (int64_t)n);
}

static void
remember_until(unsigned seed, size_t n)
{
	size_t i;

	memset(&oracle, 0, sizeof oracle);
	for (i = 1; i <= n; i++)
		change(NULL, seed, i);
}

static struct state *
open_state(void)
{
	enum exit_code code = PROG_OK;
	struct state *s;

	buf_clear(&why);
	s = state_open(".", &ours, LIMIT, &code, &why);
	if (s == NULL)
		print_error("exit %d: %s\n", code, buf_str(&why));
	return s;
}

/* In the child: commits from the one after what is there on. */
static void
work(unsigned seed, size_t last)
{
	struct state *s = open_state();
	unsigned d = seed + 1;
	int64_t version;
	size_t i;

	if (s == NULL)
		_exit(1);
	i = (size_t)state_number(s, "n", 0);
	remember_until(seed, i);
	while (++i <= last) {
		shared->begun = i;
		change(s, seed, i);
		version = state_version(s);
		if (state_commit(s, &why) != PROG_OK)
			_exit(2);
		shared->version = version;
		shared->said = i;
		switch (draw(&d, 8)) {
		case 0:
			state_close(s);
			s = open_state();
			if (s == NULL)
				_exit(3);
			break;
		case 1:
			skipped += 2;
			state_idle(s);
			break;
		case 2:
			skipped += 60;
			break;
		case 3: /* is not committed when it ends */
			if (i == last)
				state_set_number(s, "n", -1);
			break;
		default:
			break;
		}
	}
	state_close(s);
	shared->steps = death.step;
	_exit(0);
}

static int
run_child(unsigned seed, size_t last, size_t at, bool power)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		death.step = 0;
		death.at = at;
		death.power = power;
		death.seed = seed + (unsigned)at;
		work(seed, last);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct walk {
	size_t table, met;
};

static bool
compare(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct walk *w = ctx;
	char want[8];
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (key_of(w->table, i, want) == key_len &&
		    memcmp(want, key, key_len) == 0)
			break;
	assert_true(i < KEYS);
	assert_true(oracle.tables[w->table][i].there);
	assert_int_equal(oracle.tables[w->table][i].len, len);
	assert_memory_equal(oracle.tables[w->table][i].data, data, len);
	w->met++;
	return true;
}

/* Opens it and looks; how many commits there are. */
static size_t
look(unsigned seed)
{
	struct state *s = open_state();
	struct walk w;
	size_t n, i;

	assert_non_null(s);
	n = (size_t)state_number(s, "n", 0);
	assert_in_range(n, shared->said, shared->begun);
	remember_until(seed, n);
	for (w.table = 0; w.table < TABLES; w.table++) {
		w.met = 0;
		state_each(open_table(s, w.table), NULL, 0, compare, &w);
		for (i = 0; i < KEYS; i++)
			w.met -= oracle.tables[w.table][i].there;
		assert_int_equal(w.met, 0);
	}
	assert_true(state_version(s) > shared->version);
	state_close(s);
	return n;
}

static void
begin_anew(void)
{
	tmpdir_empty(".");
	memset(shared, 0, sizeof *shared);
}

/* Each step there is, in a short life. */
static void
test_each_step(void **unused)
{
	size_t steps, at;
	int power;

	(void)unused;
	for (power = 0; power < 2; power++) {
		begin_anew();
		assert_int_equal(run_child(5, COMMITS, 0, power != 0), 0);
		assert_int_equal(look(5), COMMITS);
		steps = shared->steps;
		assert_true(steps > 50);
		for (at = 1; at <= steps; at++) {
			begin_anew();
			assert_int_equal(
			    run_child(5, COMMITS, at, power != 0), DIED);
			(void)look(5);
			(void)look(5);
		}
	}
}

/* One death after the other, in the midst of recovery too. */
static void
test_many_deaths(void **unused)
{
	unsigned seed, d = 17;
	size_t round, n, last;
	int rc;

	(void)unused;
	for (seed = 100; seed < 104; seed++) {
		begin_anew();
		for (round = n = 0; round < ROUNDS; round++) {
			last = n + 1 + draw(&d, 12);
			rc = run_child(
			    seed, last, 1 + draw(&d, 160), draw(&d, 2) == 0);
			assert_true(rc == 0 || rc == DIED);
			if (draw(&d, 3) == 0)
				continue; /* nobody looks */
			n = look(seed);
		}
	}
}

static bool
change_another(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct state *s = ctx;

	state_put(open_table(s, 1), key, key_len, data, len);
	oracle.number++;
	return true;
}

/* A walk goes on while another table is made and changed. */
static void
test_change_while_walking(void **unused)
{
	struct state *s;
	size_t i, n;

	(void)unused;
	begin_anew();
	s = open_state();
	for (i = 0; i < KEYS; i++) {
		char key[8];

		n = key_of(0, i, key);
		state_put(open_table(s, 0), key, n, "value", 5);
	}
	assert_int_equal(state_commit(s, &why), PROG_OK);
	skipped += 2;
	state_idle(s); /* nothing is under way now */
	oracle.number = 0;
	state_each(open_table(s, 0), NULL, 0, change_another, s);
	assert_int_equal(oracle.number, KEYS);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	assert_int_equal(state_count(open_table(s, 1)), KEYS);
	state_close(s);
}

static int
enter(void **state)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : tmpdir_enter(state);
}

static int
leave(void **state)
{
	buf_release(&why);
	(void)munmap(shared, sizeof *shared);
	return tmpdir_leave(state);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_step),
		cmocka_unit_test(test_many_deaths),
		cmocka_unit_test(test_change_while_walking),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
