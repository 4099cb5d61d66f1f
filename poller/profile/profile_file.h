/*
 * profile_file: finds the text of a profile and of the prelude.
 */
#ifndef POLLER_PROFILE_PROFILE_FILE_H
#define POLLER_PROFILE_PROFILE_FILE_H

#include "common/base/buf.h"

#include <stdint.h>

struct profile_file {
	struct buf prelude, text;
};

/* Reads the prelude and the profile: a file if there is a slash in name, else
 * NAME.jq beside the prelude. 0, or -1 and *why. Release it in both cases. */
int profile_file_read(struct profile_file *f, const char *name, struct buf *why)
    __attribute__((warn_unused_result));
void profile_file_release(struct profile_file *f);

/* A hash of both texts and of more. */
uint64_t profile_file_version(const struct profile_file *f, const char *more);

/* Where the prelude is: in the tree the program was built in, else beside
 * where the program is installed, else where it was to be installed. Owned. */
char *profile_file_dir(void) __attribute__((warn_unused_result));

#endif
