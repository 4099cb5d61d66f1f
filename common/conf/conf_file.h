/*
 * conf_file: reads configuration files into a struct conf. Private to conf.c.
 */
#ifndef COMMON_CONF_CONF_FILE_H
#define COMMON_CONF_CONF_FILE_H

#include "common/base/buf.h"

struct conf;

/* Reads the main file: path, or what the search finds when it is NULL. */
int conf_file_load(struct conf *c, const char *path, struct buf *why)
    __attribute__((warn_unused_result));

/* Reads the files of tenants in that folder. */
int conf_file_load_tenants(struct conf *c, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));

#endif
