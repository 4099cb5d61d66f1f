/*
 * on_cores: work in numbered blocks: blocks are made on every core, in any
 * order, and used one after the other by the thread that asked for it, while
 * later ones are made. With one core, or one block, there is no thread but that
 * one, and the result is the same.
 */
#ifndef COMMON_PARALLEL_ON_CORES_H
#define COMMON_PARALLEL_ON_CORES_H

#include <stdbool.h>
#include <stddef.h>

/* No more threads than that, whatever the machine has. */
#define ON_CORES_MOST 16
/* A block is made no further ahead of the one that is used next: where its
 * result is kept, there are so many places. */
#define ON_CORES_AHEAD 16

struct on_cores {
	void *ctx;
	size_t blocks;
	/* Makes that block; thread: 0 to ON_CORES_MOST - 1, for what each
	 * thread has of its own. */
	void (*make)(void *ctx, size_t thread, size_t block);
	/* Uses a block that was made. False: no more of them. */
	bool (*use)(void *ctx, size_t block);
};

/* False: `use` said so. No thread is left. */
bool on_cores_run(const struct on_cores *work);

#endif
