/*
 * private_file: a file that nobody else may read (mode 0600), which has its
 * name when it is complete; until then what had the name stays.
 */
#ifndef REAPER_FILES_PRIVATE_FILE_H
#define REAPER_FILES_PRIVATE_FILE_H

#include <stdbool.h>

struct private_file {
	const char *path; /* borrowed; "-" is stdout */
	char *new;        /* beside it; NULL: fd is written as it is */
	int fd;
};

/* PATH.new, for free(). */
char *private_file_new_name(const char *path);

/* Opens PATH.new, without what a killed run left there; what is not a file,
 * such as a pipe, is only opened. A symbolic link is refused. -1 with errno. */
int private_file_open(struct private_file *f, const char *path)
    __attribute__((warn_unused_result));

/* Closes it. keep: it gets its name, synced; else it is removed, and path is
 * what it was. -1 with errno: it did not get its name. */
int private_file_close(struct private_file *f, bool keep);

#endif
