/*
 * audit: see audit.h.
 */
#include "sink/access/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/os/file.h"

struct audit {
	pthread_mutex_t lock;    /* protects the file */
	struct append_file file; /* without a path: none */
};

struct audit *
audit_open(const char *path, struct buf *why, enum exit_code *code)
{
	struct audit *a = xcalloc(1, sizeof *a);

	(void)pthread_mutex_init(&a->lock, NULL);
	/* Neither the start nor a request waits until a program reads a
	 * pipe. */
	a->file = (struct append_file){
		.path = path, .flags = O_NOCTTY | O_NONBLOCK, .fd = -1
	};
	if (path == NULL || append_file_open(&a->file) == 0)
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
	append_file_close(&a->file);
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
write_audit_line(
    struct buf *line, const struct viewer *v, const struct audit_entry *e)
{
	const struct web_request *r = e->request;
	size_t i;

	jsonw_open(line);
	jsonw_time(line, "at", r->now_ms);
	jsonw_str(line, "tenant", v->tenant);
	jsonw_str(line, "id", v->claims.id);
	jsonw_str(line, "role", viewer_role_name(v->role));
	jsonw_str(line, "subject", v->claims.subject);
	jsonw_str(line, "peer", r->from);
	jsonw_key(line, "path");
	add_client_text(line, r->path);
	jsonw_open_in(line, "parameters");
	for (i = 0; i < e->parameters_n; i++)
		add_parameter_value(line, r, e->parameters[i]);
	jsonw_close(line);
	jsonw_int(line, "status", e->answer->status);
	jsonw_int(line, "rows", (int64_t)e->rows);
	jsonw_line(line);
}

static int
append_audit_line(struct audit *a, const struct buf *line)
{
	int rc;

	(void)pthread_mutex_lock(&a->lock);
	rc = append_file_write(&a->file, line, false);
	if (rc != 0)
		log_error("cannot write [serve] audit '%s': %s; %s; audited "
			  "requests are refused until then",
		    a->file.path, log_errno(errno), syserr_way_out(errno));
	(void)pthread_mutex_unlock(&a->lock);
	return rc;
}

int
audit_add(struct audit *a, const struct viewer *v, const struct audit_entry *e)
{
	struct buf line = BUF_INIT;
	int rc = 0;

	if (a->file.path != NULL) {
		write_audit_line(&line, v, e);
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
		    v->claims.subject, e->request->from, e->answer->status,
		    e->rows, e->request->path);
	return rc;
}
