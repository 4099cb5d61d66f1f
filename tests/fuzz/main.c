/*
 * main: the loop of a fuzzer; see fuzz.h. The input being checked is in a file
 * that is mapped into memory, so it survives a crash.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

/* The largest input that is kept. */
#define KEPT ((size_t)4 * 1024 * 1024)

struct run {
	const struct fuzz_target *target;
	const char *program;
	uint64_t seed, runs, done;
	int64_t seconds;
	char *path;
	char *kept; /* KEPT bytes of the file */
	struct fuzz_count count;
};

uint64_t
fuzz_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random * UINT64_C(0x2545F4914F6CDD1D);
}

size_t
fuzz_below(uint64_t *random, size_t n)
{
	return (size_t)((fuzz_random(random) >> 32) * n >> 32);
}

bool
fuzz_chance(uint64_t *random, unsigned percent)
{
	return fuzz_below(random, 100) < percent;
}

char *
fuzz_copy(const char *p, size_t len)
{
	static const char odd[] = "\"\\\xE2\x82\x00{:,\n\xFF}\x80 e9[";
	char *copy = xmalloc(len + 64);
	size_t i;

	memcpy(copy, p, len);
	for (i = 0; i < 64; i++)
		copy[len + i] = odd[(i + len) % (sizeof odd - 1)];
	return copy;
}

void
fuzz_free(char *copy)
{
	free(copy);
}

static int
open_kept(struct run *r)
{
	const char *dir = getenv("FUZZ_FINDS");
	int fd;

	r->path = xasprintf("%s/find-%s-%" PRIu64, dir != NULL ? dir : ".",
	    r->target->name, r->seed);
	fd = open(r->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)KEPT) != 0)
		return -1;
	r->kept = mmap(NULL, KEPT, PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return r->kept == MAP_FAILED ? -1 : 0;
}

/* After a crash, the content of the file ends with its last newline. */
static void
keep(struct run *r, const struct buf *input)
{
	size_t n = input->len < KEPT - 1 ? input->len : KEPT - 1;

	memcpy(r->kept, input->data, n);
	r->kept[n] = '\0';
}

static void
found(const struct run *r, size_t len, const char *wrong)
{
	int ignored = truncate(r->path, (off_t)len);

	(void)ignored;
	printf("%s: FOUND by seed %" PRIu64 ", execution %" PRIu64
	       ": %s\nthe input is in %s; repeat with: %s %s\n",
	    r->target->name, r->seed, r->done, wrong, r->path, r->program,
	    r->path);
}

/* The share of fewer records is chance. On a host that stands still, a run of
 * seconds has no more. */
enum { ENOUGH = 200 };

static int
summary(const struct run *r, int64_t took_ms)
{
	uint64_t n = r->count.good + r->count.bad;
	double share = n > 0 ? (double)r->count.good / (double)n : 0;

	(void)unlink(r->path);
	printf("%s: %" PRIu64 " executions, %" PRIu64 " records, %.1f %% of "
	       "them good, seed %" PRIu64 ", %.1f s\n",
	    r->target->name, r->done, n, share * 100, r->seed,
	    (double)took_ms / 1000);
	if (n < ENOUGH || share >= r->target->good)
		return 0;
	printf("%s: FAILED: less than %.0f %% are good\n", r->target->name,
	    r->target->good * 100);
	return 1;
}

static int
run(struct run *r)
{
	struct buf input = BUF_INIT;
	int64_t start = clock_mono_ms();
	uint64_t random = r->seed * 2 + 1;
	const char *wrong = NULL;

	while (r->done < r->runs &&
	       (r->done % 16 != 0 ||
		   clock_mono_ms() - start < r->seconds * 1000)) {
		buf_clear(&input);
		r->target->make(&random, &input);
		keep(r, &input);
		r->done++;
		wrong = r->target->check(input.data, input.len, &r->count);
		if (wrong != NULL)
			break;
	}
	if (wrong != NULL)
		found(r, input.len, wrong);
	buf_release(&input);
	return wrong != NULL ? 1 : summary(r, clock_mono_ms() - start);
}

static int
check_file(const struct fuzz_target *t, const char *path)
{
	struct fuzz_count count = { 0, 0 };
	struct buf text = BUF_INIT;
	const char *wrong;
	char *p;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		return 1;
	}
	do {
		p = buf_room(&text, 65536);
		n = read(fd, p, 65536);
		buf_grown(&text, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	close(fd);
	while (text.len > 0 && text.data[text.len - 1] == '\0')
		text.len--; /* a crash left the rest of the file */
	wrong = text.len > 0 ? t->check(text.data, text.len, &count) : NULL;
	printf("%s: %s: %s\n", t->name, path, wrong != NULL ? wrong : "ok");
	buf_release(&text);
	return wrong != NULL;
}

int
fuzz_main(int argc, char **argv, const struct fuzz_target *t)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "runs", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct run r = { .target = t,
		.program = argv[0],
		.seconds = 10,
		.runs = UINT64_MAX };
	int c, rc = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	prog_init(argv[0]);
	r.seed = (uint64_t)clock_now_ms();
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			r.seed = strtoull(optarg, NULL, 10);
		else if (c == 't')
			r.seconds = strtoll(optarg, NULL, 10);
		else if (c == 'n')
			r.runs = strtoull(optarg, NULL, 10);
		else
			return PROG_USAGE;
	}
	if (optind < argc) {
		for (; optind < argc; optind++)
			rc |= check_file(t, argv[optind]);
		return rc;
	}
	if (open_kept(&r) != 0) {
		perror(r.path);
		return PROG_CANTCREATE;
	}
	rc = run(&r);
	free(r.path);
	return rc;
}
