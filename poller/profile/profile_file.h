/*
 * profile_file: finds and reads the text of a profile and of the prelude.
 */
#ifndef POLLER_PROFILE_PROFILE_FILE_H
#define POLLER_PROFILE_PROFILE_FILE_H

#include "common/base/buf.h"

#include <stdint.h>

struct profile_file {
	struct buf prelude, text;
};

/* Reads the prelude and the profile: a path if name has a slash, else NAME.jq
 * beside the prelude. 0, or -1 and *why. Release it in both cases. */
int profile_file_read(struct profile_file *f, const char *name, struct buf *why)
    __attribute__((warn_unused_result));
void profile_file_release(struct profile_file *f);

/* A hash of both texts and of more. */
uint64_t profile_file_version(const struct profile_file *f, const char *more);

/* The folder of the prelude: in the tree that the program was built in, else
 * relative to the installed program, else in the data folder that was
 * configured at the build. Owned. */
char *profile_file_dir(void) __attribute__((warn_unused_result));

#endif
