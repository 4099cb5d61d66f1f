/*
 * secret: tokens and passwords. They come from a file or the environment, never
 * from argv, are never logged, and are wiped when no longer needed.
 */
#ifndef COMMON_CONF_SECRET_H
#define COMMON_CONF_SECRET_H

#include "common/base/buf.h"

#define SECRET_MAX 8192

/* Returns the first line of the file without byte order mark and trailing
 * spaces, owned. Returns NULL and *why if the file cannot be read, is empty, or
 * its line is longer than SECRET_MAX; errno is then the system's error, or 0.
 * Pipes are read, too. Warns once if other users may read the file, if the
 * group may write it, or if it belongs to a user other than ours and root
 * (unless we are root). */
char *secret_from_file(const char *path, struct buf *why)
    __attribute__((warn_unused_result));

/* A section contains a secret as NAME (plain), or names its file as NAME_file
 * (file), but not both. Returns the secret, owned. Returns NULL and *why if
 * both are set or the file cannot be used, with errno as in secret_from_file();
 * NULL and an empty *why if neither is set. */
char *secret_choose(const char *section, const char *name, const char *plain,
    const char *file, struct buf *why) __attribute__((warn_unused_result));

/* Logs the warning from secret_from_file() for the open file. */
void secret_warn_if_open(int fd, const char *path);

/* Returns the variable's value, owned, and removes it from the environment so
 * that no child process and no CRM profile sees it. NULL if unset or empty. */
char *secret_from_env(const char *name) __attribute__((warn_unused_result));

/* Replaces the secret with *** in the text: another system's error may quote
 * the token that it received. Secrets shorter than eight characters are not
 * replaced, because ordinary words may contain them. NULL is allowed. */
void secret_conceal(struct buf *text, const char *secret);

/* Overwrites and frees the secret. NULL is allowed. */
void secret_free(char *secret);

#endif
