/*
 * mail: a message as a mail, handed to the program sendmail, which every mail
 * server and msmtp-mta provide.
 */
#ifndef POLLER_NOTIFY_MAIL_H
#define POLLER_NOTIFY_MAIL_H

#include "common/base/buf.h"
#include "poller/notify/message.h"

#include <stdint.h>
#include <sys/types.h>

/* Appends the mail. Its subject is the first line of the text; header lines are
 * ASCII, see RFC 2047. */
void mail_write(
    struct buf *to, char *const *addresses, const struct message *m);

/* Starts sendmail. Returns its process, or -1 and *why. */
pid_t mail_start(const struct buf *mail, struct buf *why)
    __attribute__((warn_unused_result));

enum mail_result {
	MAIL_RUNNING,
	MAIL_SENT,
	MAIL_FAILED,   /* it may succeed later */
	MAIL_REJECTED, /* it never will */
};

/* Looks whether sendmail has ended; at until_ms (monotonic) it is killed. Sets
 * *why unless it is still running or has succeeded. */
enum mail_result mail_check(pid_t sendmail, int64_t until_ms, struct buf *why)
    __attribute__((warn_unused_result));

#endif
