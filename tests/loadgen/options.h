/*
 * options: the command line of load; -h documents it.
 */
#ifndef TESTS_LOADGEN_OPTIONS_H
#define TESTS_LOADGEN_OPTIONS_H

#include "tests/loadgen/story.h"

struct options {
	struct world_options world;
	struct story_options story;
	struct style style;
	const char *to;     /* an endpoint */
	const char *conf;   /* NULL: where the programs look */
	int64_t count;      /* messages; 0: no end */
	int64_t rate;       /* messages a second; 0: as fast as it goes */
	int64_t seconds_ms; /* 0: no end */
};

/* Fills o, starting from the defaults. Returns -1 to continue, else the exit
 * code. */
int options_read(struct options *o, int argc, char **argv);

#endif
