/*
 * log: one line for each event on stderr, written with one write(2); errno is
 * preserved.
 *
 *   poller: snapshot_written tenant=acme chats=50 messages=812 calls=3
 *
 * The first word is the stable name of the event; key=value pairs follow. Lines
 * have no time, because cron and the journal add it; log_stamp() enables it for
 * daemons. Control characters, invalid UTF-8 and bidirectional marks are shown
 * as \xNN, so that no record can forge a line. A line has at most 2 KiB.
 *
 * Levels: error (requires action; always shown), warn (shown unless -q), info
 * (shown with -v or on a terminal), debug (-vv). For the journal each line
 * begins with its level, so that `journalctl -p err` shows the errors
 * (sd-daemon(3)).
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdatomic.h>
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

/* Sets which levels are shown, from -q and the number of -v. Without both:
 * LOG_LEVEL_WARN, but LOG_LEVEL_INFO if stderr is a terminal. */
void log_set_verbosity(bool quiet, int verbose);

/* Puts the time before each line, for daemons. Ignored if stderr is the
 * journal, which adds its own. */
void log_stamp(bool on);

/* Returns the journal's prefix for a line of that level; "" if stderr is not
 * the journal. Static. */
const char *log_prefix(enum log_level level);

/* True for a character that could forge a line or change its order on a screen:
 * C0, DEL, C1, line separators, bidirectional controls and the byte order
 * mark. */
bool log_masks(uint32_t c);

/* Appends the text as it appears in a log line: masked, and truncated at the
 * end of a line. */
void log_add_masked(struct buf *to, const char *text, size_t len);

/* For people: "prog: MESSAGE". The message has the object, the reason and the
 * remedy; arguments are a format and its values. */
#define log_error(...) log_event(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_event(LOG_LEVEL_WARN, NULL, __VA_ARGS__)

/* True if a line may be logged that any request could cause: at most one each
 * pause_ms. *due is 0 at first; several threads may share it. */
bool log_is_due(atomic_llong *due, int64_t pause_ms);

/* For machines: "prog: EVENT key=value ...". */
#define log_info(event, ...) log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns the text of an errno value; the only caller of strerror. Borrowed
 * until the next call. */
const char *log_errno(int err);

#endif
