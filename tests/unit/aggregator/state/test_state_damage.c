/*
 * A state of which some file is not what it was: bits, bytes, sectors and pages
 * changed, zeroed, exchanged, put back from an earlier time; cut, longer,
 * missing, exchanged and older files. Each is refused in one line with the way
 * out, or has changed nothing: what is in the state is the same, and stays so
 * when it is used. The draws come from a seed: DAMAGES=N SEED=N are more.
 */
#define _GNU_SOURCE

#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "aggregator/state/state.h"

#include "common/digest/checksum.h"
#include "tests/unit/dice.h"

#define DAY INT64_C(86400000)
#define LIMIT ((size_t)256 << 20)
#define PAGE ((size_t)4096)

enum { KEYS = 3000, SAME = 0, BAD_LINE = 99, OTHER = 98 };

static const struct state_identity ours = { "ours", DAY, NULL, 0 };
static const char *const names[] = { "stream.mdb", "stream.log", "stream.sums",
	"stream.acknowledged" };
enum { FILES = ARRAY_LEN(names) };

static struct buf why;

struct image {
	char *data;
	size_t len;
};

/* As they were before, and as they are. */
static struct image earlier[FILES], last[FILES];
static uint64_t contents;

static struct state *
open_state(enum exit_code *code)
{
	*code = PROG_OK;
	buf_clear(&why);
	return state_open(".", &ours, LIMIT, code, &why);
}

static uint64_t sum;

static bool
add_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	(void)ctx;
	sum = checksum(sum, key, key_len);
	sum = checksum(sum, data, len);
	return true;
}

static struct state_table *
table(struct state *s, size_t i)
{
	static const char *const tables[] = { "bytes", "numbers" };

	return state_table(s, tables[i], i == 0 ? STATE_BYTES : STATE_NUMBERS);
}

static size_t
key_of(size_t t, uint64_t i, char key[16])
{
	if (t == 1) {
		memcpy(key, &i, sizeof i);
		return sizeof i;
	}
	return (size_t)snprintf(
	    key, 16, "%05u.%u", (unsigned)(i * 7 % KEYS), (unsigned)(i % 3));
}

/* Walked and looked up: a key that is not found where it stands counts. */
static uint64_t
sum_of(struct state *s)
{
	const void *data = NULL;
	size_t t, i, len = 0;
	char key[16];

	sum = 0;
	for (t = 0; t < 2; t++) {
		state_each(table(s, t), NULL, 0, add_entry, NULL);
		for (i = 0; i < 2 * KEYS; i++)
			if (state_get(table(s, t), key, key_of(t, i, key),
				&data, &len))
				(void)add_entry(NULL, key, 1, data, len);
	}
	return sum;
}

static void
change(struct state *s, uint64_t *d, size_t n)
{
	static char value[6000];
	char key[16];
	size_t t, i, len;

	for (; n > 0; n--) {
		t = dice_below(d, 2);
		i = dice_below(d, KEYS);
		/* Some need pages of their own. */
		len =
		    dice_below(d, 100) == 0 ? sizeof value : dice_below(d, 200);
		memset(value, (int)dice_below(d, 256), sizeof value);
		if (dice_below(d, 5) == 0)
			state_delete(table(s, t), key, key_of(t, i, key));
		else
			state_put(
			    table(s, t), key, key_of(t, i, key), value, len);
	}
}

/* Commits; then it is closed, or killed. */
static void
live(unsigned seed, bool killed)
{
	uint64_t d = DICE_START * seed;
	enum exit_code code;
	struct state *s;
	int status, i;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		s = open_state(&code);
		for (i = 0; s != NULL && i < 20; i++) {
			change(s, &d, killed ? 30 : 300);
			if (state_commit(s, &why) != PROG_OK)
				_exit(1);
		}
		if (killed)
			(void)raise(SIGKILL);
		state_close(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(killed ? WIFSIGNALED(status) : status == 0);
}

static void
take_all(struct image *images)
{
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < FILES; i++) {
		fd = open(names[i], O_RDONLY | O_CLOEXEC);
		assert_int_equal(fstat(fd, &st), 0);
		images[i].len = (size_t)st.st_size;
		images[i].data = xmalloc(images[i].len);
		assert_int_equal(
		    read(fd, images[i].data, images[i].len), st.st_size);
		(void)close(fd);
	}
}

static void
put_all(void)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		tmpdir_file(names[i], last[i].data, last[i].len, 0600);
}

/* Opened, looked at, and used. */
static int
use(void)
{
	enum exit_code code;
	struct state *s = open_state(&code);
	uint64_t before;

	if (s == NULL) {
		if (code != PROG_DATA || strchr(buf_str(&why), '\n') != NULL ||
		    strstr(buf_str(&why), "stream.") == NULL ||
		    strstr(buf_str(&why), "; ") == NULL)
			return BAD_LINE;
		return PROG_DATA;
	}
	before = sum_of(s);
	if (state_failed(s))
		return PROG_DATA;
	if (before != contents)
		return OTHER;
	state_set_number(s, "n", 1);
	if (state_commit(s, &why) != PROG_OK)
		return BAD_LINE;
	state_close(s);
	s = open_state(&code);
	return s != NULL && sum_of(s) == contents ? SAME : OTHER;
}

static int
use_in_child(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(STDERR_FILENO);
		status = use();
		if (status > PROG_DATA)
			print_message("%s\n", buf_str(&why));
		fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Of what is in use mostly: a log is longer than what it has. */
static size_t
place(uint64_t *d, size_t f, size_t len)
{
	size_t end = last[f].len;

	if (f == 1 && dice_below(d, 4) > 0)
		end = 40 * PAGE;
	return end <= len ? 0 : (size_t)dice_below(d, end - len);
}

static void
damage_bytes(uint64_t *d, struct image *im, size_t f, size_t len, bool zero)
{
	size_t at = place(d, f, len), i;

	for (i = 0; i < len && at + i < im->len; i++)
		im->data[at + i] = zero ? 0
					: (char)(im->data[at + i] + 1 +
						 (int)dice_below(d, 255));
}

static void
damage_page(uint64_t *d, struct image *im, size_t f, unsigned how)
{
	size_t a = place(d, f, PAGE) / PAGE * PAGE;
	size_t b = place(d, f, PAGE) / PAGE * PAGE;
	char page[PAGE];

	if (a + PAGE > im->len || b + PAGE > im->len)
		return;
	memcpy(page, im->data + a, PAGE);
	if (how == 0) {
		memset(im->data + a, 0, PAGE);
	} else if (how == 1) {
		memcpy(im->data + a, im->data + b, PAGE);
		memcpy(im->data + b, page, PAGE);
	} else if (a + PAGE <= earlier[f].len) {
		memcpy(im->data + a, earlier[f].data + a, PAGE);
	}
}

/* One damage; *what names it. */
static void
damage(uint64_t *d, size_t f, char *what, size_t room)
{
	unsigned how = (unsigned)dice_below(d, 13);
	struct image im = { xmalloc(last[f].len + 1), last[f].len }, all = im;
	size_t at = place(d, f, 1);

	(void)snprintf(what, room, "%s, kind %u", names[f], how);
	memcpy(im.data, last[f].data, im.len);
	switch (how) {
	case 0:
	case 1:
		im.data[at] ^= (char)(1 << dice_below(d, 8));
		break;
	case 2:
	case 3:
	case 4:
		damage_bytes(d, &im, f,
		    how == 2   ? 1
		    : how == 3 ? 16
			       : 512,
		    how != 2);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		damage_page(d, &im, f, how == 8 ? 2 : how - 5);
		break;
	case 9:
		im.len = at;
		break;
	case 10: /* the file is that of an earlier time, or that of another */
		im = earlier[f];
		break;
	case 11:
		im = last[(f + 1 + dice_below(d, FILES - 1)) % FILES];
		break;
	default:
		im.len = 0;
	}
	tmpdir_file(names[f], im.data, im.len, 0600);
	if (how == 12 && dice_below(d, 2) == 0)
		assert_int_equal(unlink(names[f]), 0);
	free(all.data);
}

static unsigned
number(const char *name, unsigned def)
{
	const char *text = getenv(name);

	return text == NULL ? def : (unsigned)strtoul(text, NULL, 10);
}

/* A clean end between, so that the earlier files are of another checkpoint. */
static void
make_state(bool killed)
{
	enum exit_code code;
	struct state *s;

	tmpdir_empty(".");
	live(1, false);
	live(2, false);
	take_all(earlier);
	live(3, false);
	live(4, killed);
	take_all(last);
	s = open_state(&code);
	assert_non_null(s);
	contents = sum_of(s);
	state_close(s);
	put_all();
	assert_int_equal(use_in_child(), SAME);
}

static void
forget_state(void)
{
	size_t i;

	for (i = 0; i < FILES; i++) {
		free(earlier[i].data);
		free(last[i].data);
	}
}

static void
damage_all(bool killed)
{
	unsigned i, damages = number("DAMAGES", 150), refused = 0;
	uint64_t d = DICE_START * number("SEED", 1);
	char what[64];
	int rc;

	make_state(killed);
	for (i = 0; i < damages; i++) {
		put_all();
		damage(&d, i % FILES, what, sizeof what);
		rc = use_in_child();
		if (rc != SAME && rc != PROG_DATA)
			fail_msg("damage %u of %s: %d", i, what, rc);
		refused += rc == PROG_DATA;
	}
	print_message("%u of %u refused\n", refused, damages);
	assert_true(refused > damages / 4);
	forget_state();
}

static void
test_after_a_kill(void **unused)
{
	(void)unused;
	damage_all(true);
}

static void
test_after_an_end(void **unused)
{
	(void)unused;
	damage_all(false);
}

/* All together older is a copy that was put back. */
static void
test_older_together(void **unused)
{
	enum exit_code code;
	struct state *s;
	size_t i;

	(void)unused;
	make_state(true);
	for (i = 0; i < FILES; i++)
		tmpdir_file(names[i], earlier[i].data, earlier[i].len, 0600);
	s = open_state(&code);
	assert_non_null(s);
	assert_true(sum_of(s) != contents);
	state_close(s);
	forget_state();
}

/* What is waited for by who opens it, in place of a file. */
static void
test_pipe_for_a_file(void **unused)
{
	enum exit_code code;
	size_t i;

	(void)unused;
	for (i = 0; i < FILES; i++) {
		make_state(true);
		assert_int_equal(unlink(names[i]), 0);
		assert_int_equal(mkfifo(names[i], 0600), 0);
		assert_null(open_state(&code));
		assert_int_not_equal(code, PROG_OK);
		assert_non_null(strchr(buf_str(&why), ';'));
		assert_null(strchr(buf_str(&why), '\n'));
		print_message("%s\n", buf_str(&why));
		forget_state();
		tmpdir_empty(".");
	}
}

static int
leave(void **state)
{
	buf_release(&why);
	return tmpdir_leave(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tmpdir_enter, leave)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_after_a_kill),
		TEST(test_after_an_end),
		TEST(test_older_together),
		TEST(test_pipe_for_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
