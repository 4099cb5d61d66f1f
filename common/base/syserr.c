/*
 * syserr: see syserr.h.
 */
#include "common/base/syserr.h"

#include <errno.h>
#include <stdarg.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

/* Stands for the caller's `named`. */
#define NAMED PROG_OK

static const char rights[] =
    "check its owner and mode, and those of the folders above";
static const char broken[] =
    "the disk may be failing: see 'journalctl -k', and back up its data";
static const char room[] = "free disk space";
static const char memory[] =
    "free memory, or raise its limit (MemoryMax, ulimit -v)";
static const char later[] = "try again";

/* Errors that are not listed are PROG_IO: a restart may help, and the name is
 * not the cause. */
static const struct {
	int err;
	enum exit_code code;
	const char *way_out;
} table[] = {
	{ ENOENT, NAMED, "check its name, and that its folder exists" },
	{ ENOTDIR, NAMED,
	    "a folder in its path is a file; choose another path" },
	{ EISDIR, NAMED, "name a file, not a folder" },
	{ EEXIST, NAMED, "choose another name" },
	{ ENOTEMPTY, NAMED, "choose another name" },
	{ ELOOP, NAMED, "it is a symbolic link; name the file itself" },
	{ ENAMETOOLONG, NAMED, "choose a shorter name" },
	{ EXDEV, NAMED, "keep both names in one file system" },
	{ EINVAL, NAMED,
	    "the file system does not allow this; choose another path" },
	{ EROFS, NAMED,
	    "the disk is read-only; choose another path, or see 'journalctl "
	    "-k' for the reason" },
	{ ENXIO, NAMED,
	    "it is not a file, or a pipe that no program reads; choose another "
	    "path" },
	{ ENODEV, NAMED, "it is not a file; choose another path" },
	{ ESPIPE, NAMED, "it is a pipe; remove it, or name a file" },
	{ ETXTBSY, NAMED, "it is a running program; choose another file" },
	{ EACCES, NAMED, rights },
	{ EPERM, NAMED, rights },
	{ EADDRINUSE, NAMED,
	    "choose another address, or stop the program that uses it" },
	{ EADDRNOTAVAIL, NAMED, "use an address of this machine" },
	{ EAFNOSUPPORT, NAMED, "use an address of this machine" },

	{ ENOSPC, PROG_IO, room },
	{ EDQUOT, PROG_IO, "free disk space, or raise the quota" },
	{ EFBIG, PROG_IO, "raise the limit of file sizes (ulimit -f)" },
	{ EIO, PROG_IO, broken },
	{ EUCLEAN, PROG_IO, broken },
	{ EBADMSG, PROG_IO, broken },
	{ EBADF, PROG_IO,
	    "it is closed or not open for this; use a file or a pipe" },
	{ EPIPE, PROG_IO, "no program reads it; start its reader" },

	{ EMFILE, PROG_TEMPFAIL,
	    "raise the limit of open files (LimitNOFILE, ulimit -n)" },
	{ ENFILE, PROG_TEMPFAIL,
	    "the system has too many open files; raise fs.file-max" },
	{ ENOMEM, PROG_TEMPFAIL, memory },
	{ ENOBUFS, PROG_TEMPFAIL, memory },
	{ EAGAIN, PROG_TEMPFAIL,
	    "try again, or raise the limit of threads (TasksMax, ulimit -u)" },
	{ ENOLCK, PROG_TEMPFAIL, "the system has no more locks; try again" },
	{ EINTR, PROG_TEMPFAIL, later },
	{ EBUSY, PROG_TEMPFAIL, later },
	{ EDEADLK, PROG_TEMPFAIL, later },
	{ ETIMEDOUT, PROG_TEMPFAIL, later },
	{ ESTALE, PROG_TEMPFAIL,
	    "the file server no longer knows it; try again" },
	{ ECONNREFUSED, PROG_TEMPFAIL, "is a server listening there?" },
	{ ECONNRESET, PROG_TEMPFAIL, later },
	{ ECONNABORTED, PROG_TEMPFAIL, later },
	{ ENOTCONN, PROG_TEMPFAIL, later },
	{ ENETDOWN, PROG_TEMPFAIL, "check the network" },
	{ ENETUNREACH, PROG_TEMPFAIL, "check the network" },
	{ EHOSTDOWN, PROG_TEMPFAIL, "check the network" },
	{ EHOSTUNREACH, PROG_TEMPFAIL, "check the network" },
};

static size_t
find_errno(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(table) && table[i].err != err; i++)
		continue;
	return i;
}

enum exit_code
syserr_code(int err, enum exit_code named)
{
	size_t i = find_errno(err);

	if (i == ARRAY_LEN(table))
		return err == 0 ? named : PROG_IO;
	return table[i].code == NAMED ? named : table[i].code;
}

const char *
syserr_way_out(int err)
{
	size_t i = find_errno(err);

	return i < ARRAY_LEN(table) ? table[i].way_out : later;
}

static enum exit_code __attribute__((format(printf, 3, 0)))
explain(struct buf *why, enum exit_code named, const char *fmt, va_list ap)
{
	int err = errno;

	buf_clear(why);
	buf_addv(why, fmt, ap);
	buf_addf(why, ": %s; %s", log_errno(err), syserr_way_out(err));
	errno = err;
	return syserr_code(err, named);
}

enum exit_code
syserr_explain(struct buf *why, enum exit_code named, const char *fmt, ...)
{
	enum exit_code code;
	va_list ap;

	va_start(ap, fmt);
	code = explain(why, named, fmt, ap);
	va_end(ap);
	return code;
}

enum exit_code
syserr_log(enum exit_code named, const char *fmt, ...)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	va_list ap;

	va_start(ap, fmt);
	code = explain(&why, named, fmt, ap);
	va_end(ap);
	log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}
