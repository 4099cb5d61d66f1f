/*
 * board_files: the pages of the live board: a fixed list of files, read once at
 * the start, and a module with what the board shares with the programs. They
 * hold no data: that is fetched from the API, by who may.
 *
 * Each is sent with headers that let a page load scripts, styles and data from
 * this server only, none of them inline, and be shown in no other page.
 */
#ifndef SINK_SERVE_BOARD_FILES_H
#define SINK_SERVE_BOARD_FILES_H

#include "common/base/buf.h"
#include "common/http/web.h"

struct board_files;

/* Reads them from the folder. NULL and *why: one cannot be read. Owned. */
struct board_files *board_files_open(const char *folder, struct buf *why)
    __attribute__((warn_unused_result));
void board_files_close(struct board_files *b); /* NULL is fine */

/* The handler; its context is a struct serve. */
web_handler board_files_answer;

#endif
