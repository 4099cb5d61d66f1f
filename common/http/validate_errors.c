/*
 * validate_errors: see validate_errors.h.
 */
#include "common/http/validate_errors.h"

#include <string.h>

#include "common/http/json_body.h"
#include "common/text/jsonw.h"

/* A longer input is not repeated in the answer. */
#define INPUT_MAX 16384

#define URL "https://errors.pydantic.dev/2.5/v/"

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

static void
add_input(struct buf *b, json_t *input)
{
	struct buf text = BUF_INIT;

	text.max = INPUT_MAX;
	json_body_write(&text, input);
	if (text.over)
		jsonw_null(b, "input");
	else
		jsonw_raw(b, "input", text.data, text.len);
	buf_release(&text);
}

void
validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *type, const char *msg, json_t *input, const char *ctx)
{
	struct buf loc = BUF_INIT;

	if (f->n++ == 0) {
		buf_setf(&f->first, "%s: %s",
		    at->name != NULL ? at->name : "body", msg);
		f->by_type = strstr(type, "_type") != NULL;
	}
	if (f->n > VALIDATE_ERRORS)
		return;
	jsonw_list(&loc);
	add_place(&loc, at);
	jsonw_list_end(&loc);
	jsonw_next(&f->list);
	jsonw_open(&f->list);
	jsonw_str(&f->list, "type", type);
	jsonw_raw(&f->list, "loc", loc.data, loc.len);
	jsonw_str(&f->list, "msg", msg);
	add_input(&f->list, input);
	if (ctx != NULL)
		jsonw_raw(&f->list, "ctx", ctx, strlen(ctx));
	/* The original has no url for errors of its own. */
	if (strcmp(type, "enum") != 0 && strcmp(type, "json_invalid") != 0) {
		buf_setf(&loc, URL "%s", type);
		jsonw_str(&f->list, "url", buf_str(&loc));
	}
	jsonw_close(&f->list);
	buf_release(&loc);
}

void
validate_mismatch(struct validate_errors *f, const struct validate_place *at,
    json_t *input, const char *pattern)
{
	struct buf msg = BUF_INIT, ctx = BUF_INIT;

	buf_setf(&msg, "String should match pattern '%s'", pattern);
	jsonw_object_of(&ctx, "pattern", pattern);
	validate_error(f, at, "string_pattern_mismatch", buf_str(&msg), input,
	    buf_str(&ctx));
	buf_release(&msg);
	buf_release(&ctx);
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
