/*
 * secret: tokens and passwords. They come from a file or the environment,
 * never from argv, are never logged, and are wiped when no longer needed.
 */
#ifndef COMMON_CONF_SECRET_H
#define COMMON_CONF_SECRET_H

#include "common/base/buf.h"

#define SECRET_MAX 8192

/* The file's first line without trailing blanks and byte order mark, owned.
 * NULL and *why when it cannot be read, is empty, or is longer than SECRET_MAX;
 * errno is then the system's error, or 0. A pipe is read, too. Warns once when
 * others may read it, or the group may write it, or it belongs to another user
 * than ours and root, unless we are root. */
char *secret_from_file(const char *path, struct buf *why)
    __attribute__((warn_unused_result));

/* A section holds a secret as NAME (plain) or names its file as NAME_file
 * (file), but not both. Returns the secret, owned. NULL and *why when both are
 * set or the file cannot be used, with errno as of secret_from_file(); NULL and
 * an empty *why when neither is set. */
char *secret_choose(const char *section, const char *name, const char *plain,
    const char *file, struct buf *why) __attribute__((warn_unused_result));

/* The warning of secret_from_file(), about the open file. */
void secret_warn_if_open(int fd, const char *path);

/* The variable's value, owned, and removed from the environment so that no
 * child and no CRM profile sees it. NULL when unset or empty. */
char *secret_from_env(const char *name) __attribute__((warn_unused_result));

/* Puts *** wherever the text repeats the secret: an error of another system may
 * quote the token it got. Not one of less than eight characters, which ordinary
 * words may hold. NULL is fine. */
void secret_conceal(struct buf *text, const char *secret);

/* Overwrites and frees. NULL is fine. */
void secret_free(char *secret);

#endif
