/*
 * fuzz: shared by all fuzzers: seeded random numbers, the loop that creates and
 * checks inputs until the time is up, and the reporting of failures.
 *
 * A fuzzer is a program with one target:
 *
 *     fuzz_x [--seed N] [--seconds N] [--runs N]    make inputs and check them
 *     fuzz_x FILE...                                check these
 *
 * With -DFUZZ_BY_CLANG the same file is a target for libFuzzer instead.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

/* How many inputs were good, and how many bad. */
struct fuzz_count {
	uint64_t good, bad;
};

struct fuzz_target {
	const char *name;

	/* Makes an input from random numbers. */
	void (*make)(uint64_t *random, struct buf *input);

	/* Returns NULL, or the error in reading the input (static text, or in a
	 * buffer of the target). The input may end anywhere. */
	const char *(*check)(
	    const char *input, size_t len, struct fuzz_count *count);

	/* A run in which a smaller share is good proves nothing. */
	double good;
};

/* Returns the next random number; one below n; or true with that chance in a
 * hundred. *random may start with any number except 0. */
uint64_t fuzz_random(uint64_t *random);
size_t fuzz_below(uint64_t *random, size_t n);
bool fuzz_chance(uint64_t *random, unsigned percent);

/* Creates a record's line, mostly valid and usual, without a newline. */
void fuzz_line(uint64_t *random, struct buf *line);

/* Creates a copy with 64 readable bytes after it, at the end of the memory.
 * These bytes are unusual ones. Free it with fuzz_free(). */
char *fuzz_copy(const char *p, size_t len);
void fuzz_free(char *copy);

int fuzz_main(int argc, char **argv, const struct fuzz_target *t);

/* The program's main(), or libFuzzer's. */
#ifdef FUZZ_BY_CLANG
#define FUZZ_MAIN(target)                                                      \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);           \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)            \
	{                                                                      \
		struct fuzz_count count = { 0, 0 };                            \
		const char *p = (const char *)(const void *)data;              \
		if (len > 0 && (target)->check(p, len, &count) != NULL)        \
			__builtin_trap();                                      \
		return 0;                                                      \
	}
#else
#define FUZZ_MAIN(target)                                                      \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return fuzz_main(argc, argv, target);                          \
	}
#endif

#endif
