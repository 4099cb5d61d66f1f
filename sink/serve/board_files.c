/*
 * board_files: see serve.h.
 */
#include "sink/serve/serve.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "common/os/file.h"
#include "sink/api/question.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)

/* The largest window, with gzip's header. */
#define GZIP_BITS (15 + 16)

#define PAGE "text/html; charset=utf-8"
#define STYLES(name)                                                           \
	{                                                                      \
		"/board/" name ".css", name ".css", "text/css; charset=utf-8"  \
	}
#define MODULE(name)                                                           \
	{                                                                      \
		"/board/" name ".js", name ".js",                              \
		    "text/javascript; charset=utf-8"                           \
	}

static const struct {
	const char *path, *name, *type;
} names[] = {
	{ "/", "index.html", PAGE },
	{ "/login", "login.html", PAGE },
	STYLES("board"),
	STYLES("pictures"),
	STYLES("theme"),
	MODULE("alerts"),
	MODULE("backlog"),
	MODULE("board"),
	MODULE("breakdown"),
	MODULE("changes"),
	MODULE("channels"),
	MODULE("due"),
	MODULE("element"),
	MODULE("fetch_json"),
	MODULE("form"),
	MODULE("heatmap"),
	MODULE("login"),
	MODULE("notices"),
	MODULE("opened"),
	MODULE("operators"),
	MODULE("present"),
	MODULE("responses"),
	MODULE("settings"),
	MODULE("sound"),
	MODULE("time"),
	MODULE("timeline"),
	MODULE("totals"),
	MODULE("waiting"),
};

static const char headers[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\n"
    "X-Content-Type-Options: nosniff\n"
    "Referrer-Policy: same-origin\n"
    "Cross-Origin-Opener-Policy: same-origin\n"
    "Cross-Origin-Resource-Policy: same-origin\n"
    "Vary: Accept-Encoding\n"
    "Cache-Control: no-cache\n";

struct board_files {
	struct board_file {
		struct buf text, zipped;
		char etag[ETAG_TEXT], zipped_etag[ETAG_TEXT];
	} files[ARRAY_LEN(names)];
};

static int
read_file(struct board_file *f, const char *path, struct buf *why)
{
	int rc;

	f->text.max = FILE_BYTES_MAX;
	rc = file_read_path(path, &f->text);
	if (rc != 0)
		(void)syserr_explain(why, PROG_NOINPUT,
		    "cannot read the board's file '%s'", path);
	return rc;
}

/* Compresses the file once, at start, for clients that accept gzip. */
static void
zip_file(struct board_file *f)
{
	z_stream z = { .next_in = (Bytef *)f->text.data,
		.avail_in = (uInt)f->text.len };
	uLong most;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_BITS, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	most = deflateBound(&z, (uLong)f->text.len);
	z.next_out = (Bytef *)buf_room(&f->zipped, most);
	z.avail_out = (uInt)most;
	if (deflate(&z, Z_FINISH) == Z_STREAM_END)
		buf_grown(&f->zipped, z.total_out);
	(void)deflateEnd(&z);
	etag_write(f->zipped_etag, &f->zipped, NULL);
}

struct board_files *
board_files_open(const char *folder, struct buf *why)
{
	struct board_files *b = xcalloc(1, sizeof *b);
	char *path;
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_LEN(names) && rc == 0; i++) {
		path = xasprintf("%s/%s", folder, names[i].name);
		rc = read_file(&b->files[i], path, why);
		free(path);
		etag_write(b->files[i].etag, &b->files[i].text, NULL);
		if (rc == 0)
			zip_file(&b->files[i]);
	}
	if (rc == 0)
		return b;
	board_files_close(b);
	return NULL;
}

void
board_files_close(struct board_files *b)
{
	size_t i;

	for (i = 0; b != NULL && i < ARRAY_LEN(names); i++) {
		buf_release(&b->files[i].text);
		buf_release(&b->files[i].zipped);
	}
	free(b);
}

/* Supports the header as browsers send it; no browser forbids gzip with q=0. */
static bool
takes_gzip(const struct web_request *r)
{
	const char *takes = r->header(r, "Accept-Encoding");

	return takes != NULL && strstr(takes, "gzip") != NULL &&
	       strstr(takes, "gzip;q=0") == NULL;
}

static void
send_file(const struct board_file *f, const char *type,
    const struct web_request *r, struct web_answer *a)
{
	bool zipped = f->zipped.len > 0 && takes_gzip(r);
	const struct buf *body = zipped ? &f->zipped : &f->text;
	const char *etag = zipped ? f->zipped_etag : f->etag;

	a->content_type = type;
	buf_adds(&a->headers, headers);
	buf_addf(&a->headers, "ETag: %s\n", etag);
	if (zipped)
		buf_adds(&a->headers, "Content-Encoding: gzip\n");
	if (etag_is_known(r, etag))
		a->status = 304;
	else
		buf_add(&a->body, body->data, body->len);
}

void
board_files_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i].path, r->path) == 0) {
			send_file(&s->board->files[i], names[i].type, r, a);
			return;
		}
	}
	problem_answer(a, 404, "the board has no such file");
}
