/*
 * web: see web.h.
 */
#include "common/http/web.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/digest/hash.h"
#include "common/json/jsonw.h"

struct web_parameter {
	const char *name, *value, *without;
};

static void
keep_parameter(void *ctx, const char *name, const char *value)
{
	struct web_parameter *p = ctx;

	if (strcmp(name, p->name) == 0)
		p->value = value != NULL ? value : p->without;
}

const char *
web_last_parameter(
    const struct web_request *r, const char *name, const char *without)
{
	struct web_parameter p = { .name = name, .without = without };

	if (r->parameters != NULL)
		r->parameters(r, keep_parameter, &p);
	return p.value;
}

const char *
web_allow(bool get, bool post)
{
	if (!get)
		return "POST";
	return post ? "GET, HEAD, POST" : "GET, HEAD";
}

void
etag_write(char etag[ETAG_TEXT], const struct buf *body, const char *more)
{
	uint64_t sum = checksum(0, body->data, body->len);

	if (more != NULL)
		sum = checksum(sum, more, strlen(more));
	(void)snprintf(etag, ETAG_TEXT, "\"%016" PRIx64 "\"", sum);
}

bool
etag_is_known(const struct web_request *r, const char *etag)
{
	const char *known = r->header(r, "If-None-Match");

	return known != NULL &&
	       (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
}

const char *
http_status_text(int status)
{
	return MHD_get_reason_phrase_for((unsigned)status);
}

bool
path_pattern_fits(const char *pattern, const char *path)
{
	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (pattern[1] == '*')
			return *path != '\0';
		if (*path == '\0' || *path == '/')
			return false;
		path += strcspn(path, "/");
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

const char *
path_pattern_part(const char *path, size_t n, size_t *len)
{
	for (;;) {
		path += *path == '/';
		*len = strcspn(path, "/");
		if (n-- == 0 || *len == 0)
			return path;
		path += *len;
	}
}

void
validate_release(struct validate_errors *f)
{
	buf_release(&f->list);
	buf_release(&f->first);
}

static void
add_place(struct buf *b, const struct validate_place *at)
{
	if (at->in != NULL)
		add_place(b, at->in);
	jsonw_next(b);
	if (at->name != NULL)
		jsonw_quote(b, at->name, strlen(at->name));
	else
		buf_addi(b, (int64_t)at->index);
}

void
validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *fmt, ...)
{
	struct buf loc = BUF_INIT, msg = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&msg, fmt, ap);
	va_end(ap);
	if (f->n++ == 0)
		buf_setf(&f->first, "%s %s",
		    at->name != NULL ? at->name : "body", buf_str(&msg));
	if (f->n <= VALIDATE_ERRORS) {
		jsonw_list(&loc);
		add_place(&loc, at);
		jsonw_list_end(&loc);
		jsonw_next(&f->list);
		jsonw_open(&f->list);
		jsonw_raw(&f->list, "loc", loc.data, loc.len);
		jsonw_str(&f->list, "msg", buf_str(&msg));
		jsonw_close(&f->list);
	}
	buf_release(&loc);
	buf_release(&msg);
}

void
validate_answer(const struct validate_errors *f, struct web_answer *a)
{
	a->status = 422;
	a->content_type = NULL;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_key(&a->body, "detail");
	jsonw_list(&a->body);
	buf_add(&a->body, buf_str(&f->list), f->list.len);
	jsonw_list_end(&a->body);
	jsonw_close(&a->body);
}
