/*
 * log: one line an event on stderr, one write(2) each, errno preserved.
 *
 *   poller: snapshot_written tenant=acme chats=50 messages=812 calls=3
 *
 * The first word names the event and is stable, the rest is key=value. Lines
 * have no time, which cron and the journal add; a daemon switches it on with
 * log_stamp().
 * Control characters, invalid UTF-8 and bidirectional marks are shown as
 * \xNN, so that no record can forge a line. A line has 2 KiB at most.
 *
 * Levels: error (someone has to act; always shown), warn (shown unless -q),
 * info (-v or a terminal), debug (-vv). To the journal each line is written
 * with its level as a prefix, so that `journalctl -p err` shows the errors
 * (sd-daemon(3)).
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* What is shown: default LOG_LEVEL_WARN, INFO when stderr is a terminal. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* As -q and the number of -v say; neither leaves the default. */
void log_set_verbosity(bool quiet, int verbose);

/* Puts the time in front of each line, for daemons; not when stderr is the
 * journal, which adds its own. */
void log_stamp(bool on);

/* What the journal wants in front of a line of that level; "" when stderr is
 * something else. Static. */
const char *log_prefix(enum log_level level);

/* True for a character that could forge a line or its order on a screen: C0,
 * DEL, C1, line separators, bidirectional controls and the byte order mark. */
bool log_masks(uint32_t c);

/* Appends the text as a line shows it, masked, as long as a line has room. */
void log_add_masked(struct buf *to, const char *text, size_t len);

/* For a person: "prog: MESSAGE" where MESSAGE names the thing, the reason and
 * the way out; a format and its values. */
#define log_error(...) log_event(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_event(LOG_LEVEL_WARN, NULL, __VA_ARGS__)

/* For the record: "prog: EVENT key=value ...". */
#define log_info(event, ...) log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The text of an errno value; the only caller of strerror. Borrowed until the
 * next call. */
const char *log_errno(int err);

#endif
