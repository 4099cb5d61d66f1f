/*
 * scan_loop: how many records a second are read, and nothing else done.
 *
 *     scan_loop [-v VARIANT] [-w WAY] [-r ROUNDS] FILE
 *
 * VARIANT is one of scan_pieces.h's (default: the best here). WAY: scan (blocks
 * by scan.h, default), flat (line by line by flat_parse()), record (by
 * record_parse()), index (the first pass only) or read (the file is read in
 * blocks). One line a round: records, seconds, records a second, and the share
 * of the fast way. Reading the file counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/prog.h"
#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"

struct loop {
	const char *file, *way;
	struct scan scan;
	struct record record;
	uint64_t records, bad;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
by_scan(struct loop *l, const char *block, size_t len)
{
	int rc;

	scan_block(&l->scan, block, len);
	while ((rc = scan_record(&l->scan, &l->record)) != 0) {
		l->records++;
		l->bad += rc == -1;
	}
}

static void
by_line(struct loop *l, const char *block, size_t len)
{
	const char *end = block + len, *nl;
	bool flat = strcmp(l->way, "flat") == 0;
	struct scan *s = &l->scan;
	int rc;

	for (; block < end; block = nl + 1) {
		nl = memchr(block, '\n', (size_t)(end - block));
		len = (size_t)(nl - block);
		flat_drop_copies(&s->flat);
		rc = flat ? flat_parse(&s->flat, block, len, &s->why)
			  : record_parse(
				&l->record, &s->flat, block, len, &s->why);
		l->records++;
		l->bad += rc == -1;
		s->fast += !s->flat.slow;
	}
}

static void
by_index(struct loop *l, const char *block, size_t len)
{
	const char *end = block + len;

	for (; block < end; block += l->scan.index.len) {
		scan_index_lines(&l->scan.index, block, (size_t)(end - block));
		l->records += l->scan.index.n;
	}
}

static void
take_block(struct loop *l, const char *block, size_t len)
{
	if (strcmp(l->way, "scan") == 0)
		by_scan(l, block, len);
	else if (strcmp(l->way, "index") == 0)
		by_index(l, block, len);
	else if (strcmp(l->way, "read") != 0)
		by_line(l, block, len);
}

static int
run(struct loop *l)
{
	struct endpoint_options opt = { 0 };
	enum endpoint_status status;
	struct buf why = BUF_INIT;
	enum exit_code code;
	double start = now();
	struct endpoint *e = endpoint_open_read(l->file, &opt, &why, &code);
	char *block;
	size_t len;

	if (e == NULL) {
		fprintf(stderr, "scan_loop: %s\n", buf_str(&why));
		buf_release(&why);
		return (int)code;
	}
	while ((status = endpoint_read_block(e, &block, &len, -1)) ==
	       ENDPOINT_RECORD)
		take_block(l, block, len);
	start = now() - start;
	printf("%llu records, %.5f s, %.0f/s, fast %.4f, bad %llu\n",
	    (unsigned long long)l->records, start, (double)l->records / start,
	    (double)l->scan.fast / (double)(l->records + !l->records),
	    (unsigned long long)l->bad);
	endpoint_close(e);
	return status == ENDPOINT_END ? 0 : PROG_DATA;
}

int
main(int argc, char **argv)
{
	struct loop l = { .way = "scan" };
	int c, rc = 0, rounds = 1;

	prog_init(argv[0]);
	while ((c = getopt(argc, argv, "v:w:r:")) != -1) {
		if (c == 'v' && scan_variant_choose(optarg) != 0) {
			fprintf(stderr, "scan_loop: no '%s' here\n", optarg);
			return PROG_USAGE;
		}
		if (c == 'w')
			l.way = optarg;
		if (c == 'r')
			rounds = (int)strtol(optarg, NULL, 10);
		if (c == '?')
			return PROG_USAGE;
	}
	if (optind + 1 != argc)
		return prog_usage_error("name one file");
	l.file = argv[optind];
	while (rounds-- > 0 && rc == 0) {
		scan_init(&l.scan);
		l.records = 0;
		l.bad = 0;
		rc = run(&l);
		scan_release(&l.scan);
	}
	return rc;
}
