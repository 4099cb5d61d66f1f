/*
 * mail: see mail.h.
 */
#define _GNU_SOURCE /* memfd_create */
#include "poller/notify/mail.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"

/* ---- the mail ---- */

/* An encoded word has at most 75 characters: =?utf-8?B?60 of base64?= */
#define WORD_BYTES 45

static bool
is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* Returns how many bytes of whole characters fit into a word. */
static size_t
word_length(const char *p, size_t len)
{
	size_t n = len < WORD_BYTES ? len : WORD_BYTES;

	while (n < len && n > 1 && ((unsigned char)p[n] & 0xC0) == 0x80)
		n--;
	return n;
}

static void
add_subject(struct buf *to, const char *text, size_t len)
{
	size_t i = 0, n;

	while (i < len && is_printable(text[i]))
		i++;
	if (i == len) {
		buf_add(to, text, len);
		return;
	}
	for (i = 0; i < len; i += n) {
		n = word_length(text + i, len - i);
		buf_adds(to, i > 0 ? "\n =?utf-8?B?" : "=?utf-8?B?");
		base64_encode(to, text + i, n);
		buf_adds(to, "?=");
	}
}

void
mail_write(struct buf *to, char *const *addresses, const struct message *m)
{
	const char *text = buf_str(&m->text);
	time_t now = time(NULL);
	char date[64];
	struct tm tm;
	size_t i;

	(void)gmtime_r(&now, &tm);
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_adds(to, "To: ");
	for (i = 0; addresses[i] != NULL; i++)
		buf_addf(to, "%s%s", i > 0 ? ", " : "", addresses[i]);
	buf_adds(to, "\nSubject: ");
	add_subject(to, text, strcspn(text, "\n"));
	buf_addf(to,
	    "\nDate: %s\nMessage-ID: <%s@messaging-analytics>\n"
	    "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n%s\n",
	    date, m->id, text);
}

/* ---- sendmail ---- */

/* Returns its path, owned, or NULL. It is often not in a user's PATH. */
static char *
find_sendmail(void)
{
	const char *path = getenv("PATH");
	char *all = xasprintf(
	    "%s:/usr/sbin:/usr/lib", path != NULL ? path : "/usr/bin:/bin");
	char *dir, *rest = all, *found = NULL;

	while (found == NULL && (dir = strsep(&rest, ":")) != NULL) {
		if (*dir == '\0')
			continue;
		found = xasprintf("%s/sendmail", dir);
		if (access(found, X_OK) == 0)
			break;
		free(found);
		found = NULL;
	}
	free(all);
	return found;
}

/* Returns a file in memory with the mail, to be read from its beginning; a
 * pipe could be full before sendmail reads it. Returns -1 on an error. */
static int
file_of(const struct buf *mail)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	while (fd != -1 && done < mail->len) {
		n = write(fd, mail->data + done, mail->len - done);
		if (n == -1) {
			(void)close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd != -1)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static pid_t
spawn(char *path, int in, struct buf *why)
{
	char name[] = "sendmail", dots[] = "-oi", to[] = "-t";
	char *argv[] = { name, dots, to, NULL };
	posix_spawn_file_actions_t actions;
	pid_t child = -1;
	int error = posix_spawn_file_actions_init(&actions);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(
		    &actions, in, STDIN_FILENO);
	if (error == 0)
		error =
		    posix_spawn(&child, path, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (error == 0)
		return child;
	errno = error;
	(void)syserr_explain(why, PROG_TEMPFAIL, "cannot run '%s'", path);
	return -1;
}

pid_t
mail_start(const struct buf *mail, struct buf *why)
{
	char *path = find_sendmail();
	pid_t child = -1;
	int in;

	if (path == NULL) {
		buf_setf(why, "sendmail is not installed; install msmtp-mta or "
			      "a mail server");
		return -1;
	}
	in = file_of(mail);
	if (in == -1)
		(void)syserr_explain(
		    why, PROG_TEMPFAIL, "cannot store a mail in memory");
	else
		child = spawn(path, in, why);
	if (in != -1)
		(void)close(in);
	free(path);
	return child;
}

/* Returns whether the mail would fail again. Other statuses are temporary:
 * those of the network (msmtp reports a name server that does not respond as
 * EX_NOHOST, and each error of a mail server as EX_UNAVAILABLE), of the
 * machine, and unknown ones. */
static bool
is_permanent(int status)
{
	switch (status) {
	case EX_USAGE:
	case EX_DATAERR:
	case EX_NOINPUT:
	case EX_NOUSER:
	case EX_PROTOCOL:
	case EX_NOPERM:
	case EX_CONFIG:
		return true;
	default:
		return false;
	}
}

enum mail_result
mail_check(pid_t sendmail, int64_t until_ms, struct buf *why)
{
	int status;
	pid_t ended = waitpid(sendmail, &status, WNOHANG);

	if (ended == 0 && clock_mono_ms() < until_ms)
		return MAIL_RUNNING;
	if (ended == 0) {
		(void)kill(sendmail, SIGKILL);
		(void)waitpid(sendmail, &status, 0);
		buf_setf(why, "sendmail takes too long");
		return MAIL_FAILED;
	}
	if (ended == -1 || !WIFEXITED(status)) {
		buf_setf(why, "sendmail was killed");
		return MAIL_FAILED;
	}
	if (WEXITSTATUS(status) == 0)
		return MAIL_SENT;
	buf_setf(why, "sendmail failed with %d; its log says why",
	    WEXITSTATUS(status));
	return is_permanent(WEXITSTATUS(status)) ? MAIL_REJECTED : MAIL_FAILED;
}
