/*
 * audit: see audit.h.
 */
#include "sink/access/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/text/jsonw.h"

struct audit {
	pthread_mutex_t lock; /* protects fd, and the lines of the file */
	const char *path;     /* NULL: none */
	int fd;               /* -1: must be opened */
};

/* Parameters that select the requested rows. Other parameters are not logged,
 * because they may be secrets. */
static const char *const logged_parameters[] = { "at", "from", "to",
	"start_time", "end_time", "period", "zone", "weekday", "hour", "limit",
	"cursor", "operator", "assigned", "nobody", "channel", "no_channel",
	"channel_id", "chat", "conversation_id", "open", "waiting",
	"waiting_seconds", "status", "tag", "message", "message_id", "sender",
	"kind", "withdrawn", "group", "user_id", "rule", "word", "event_type",
	"source_service" };

static int
open_audit_file(struct audit *a)
{
	size_t torn;

	a->fd = file_open_lines(a->path, 0, &torn);
	return a->fd >= 0 ? 0 : -1;
}

static void
close_audit_file(struct audit *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	a->fd = -1;
}

struct audit *
audit_open(const char *path, struct buf *why, enum exit_code *code)
{
	struct audit *a = xcalloc(1, sizeof *a);

	(void)pthread_mutex_init(&a->lock, NULL);
	a->path = path;
	a->fd = -1;
	if (path == NULL || open_audit_file(a) == 0)
		return a;
	if (errno == EWOULDBLOCK) {
		buf_setf(why,
		    "another process writes to [serve] audit '%s'; each "
		    "process needs its own file",
		    path);
		*code = PROG_CONFIG;
	} else {
		*code = syserr_explain(
		    why, PROG_CONFIG, "cannot write [serve] audit '%s'", path);
	}
	audit_close(a);
	return NULL;
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	close_audit_file(a);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

bool
audit_wants(
    const struct viewer *v, bool impersonal, const struct web_answer *answer)
{
	const char *type = answer->content_type;

	if (answer->status != 200)
		return false;
	if (type != NULL && strcmp(type, "application/json") != 0)
		return true;
	return v->role >= VIEWER_LEAD && !impersonal;
}

/* Adds a client's value; JSON must be UTF-8. */
static void
add_client_text(struct buf *to, const char *text)
{
	size_t len = strlen(text);

	if (parse_is_utf8(text, len))
		jsonw_quote(to, text, len);
	else
		buf_adds(to, "null");
}

/* A word or a tag may be a customer's name, and would stay here after that
 * customer was erased. A cursor contains the key of a row, which may be such a
 * word, or the id of a customer. */
static bool
is_withheld(const char *name)
{
	return strcmp(name, "cursor") == 0 || strcmp(name, "word") == 0 ||
	       strcmp(name, "tag") == 0;
}

/* If a parameter is repeated, which only resources of the original services
 * allow, the last value is used, and logged. */
static void
add_parameter_value(
    struct buf *line, const struct web_request *r, const char *name)
{
	const char *value = web_last_parameter(r, name, "");

	if (value == NULL)
		return;
	jsonw_key(line, name);
	if (is_withheld(name))
		buf_adds(line, "null");
	else
		add_client_text(line, value);
}

static void
write_audit_line(struct buf *line, const struct viewer *v,
    const struct web_request *r, int status, size_t rows)
{
	size_t i;

	jsonw_open(line);
	jsonw_time(line, "at", r->now_ms);
	jsonw_str(line, "tenant", v->tenant);
	jsonw_str(line, "id", v->claims.id);
	jsonw_str(line, "role", viewer_role_name(v->role));
	jsonw_str(line, "subject", v->claims.subject);
	jsonw_str(line, "peer", r->peer);
	jsonw_key(line, "path");
	add_client_text(line, r->path);
	jsonw_open_in(line, "parameters");
	for (i = 0; i < ARRAY_LEN(logged_parameters); i++)
		add_parameter_value(line, r, logged_parameters[i]);
	jsonw_close(line);
	jsonw_int(line, "status", status);
	jsonw_int(line, "rows", (int64_t)rows);
	jsonw_line(line);
}

/* Writes all of the line, or nothing: if only a part fits on a full disk, it is
 * removed at once, because the file may be rotated before the next line.
 * Returns -1 with errno. */
static int
write_whole_audit_line(struct audit *a, const struct buf *line)
{
	off_t end = lseek(a->fd, 0, SEEK_END);
	int err;

	if (file_write_all(a->fd, line->data, line->len) == 0)
		return 0;
	err = errno;
	/* If this fails, it is repeated when the file is opened again. */
	if (end < 0 || ftruncate(a->fd, end) != 0)
		close_audit_file(a);
	errno = err;
	return -1;
}

/* After an error, the next line opens the file again. */
static int
append_audit_line(struct audit *a, const struct buf *line)
{
	int rc = 0;

	(void)pthread_mutex_lock(&a->lock);
	if (a->fd >= 0 && file_is_at(a->fd, a->path, true) != 0)
		close_audit_file(a);
	if (a->fd < 0)
		rc = open_audit_file(a);
	if (rc == 0)
		rc = write_whole_audit_line(a, line);
	if (rc != 0) {
		log_error("cannot write [serve] audit '%s': %s; %s; audited "
			  "requests are refused until then",
		    a->path, log_errno(errno), syserr_way_out(errno));
		close_audit_file(a);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rc;
}

int
audit_add(struct audit *a, const struct viewer *v, const struct web_request *r,
    const struct web_answer *answer, size_t rows)
{
	struct buf line = BUF_INIT;
	int rc = 0;

	if (a->path != NULL) {
		write_audit_line(&line, v, r, answer->status, rows);
		rc = append_audit_line(a, &line);
		buf_release(&line);
	}
	/* The path comes last, so that no part of it can be mistaken for
	 * another field. */
	if (rc == 0)
		log_info("read",
		    "tenant=%s id=%s role=%s subject=\"%s\" peer=%s status=%d "
		    "rows=%zu path=%s",
		    v->tenant, v->claims.id, viewer_role_name(v->role),
		    v->claims.subject, r->peer, answer->status, rows, r->path);
	return rc;
}
