/*
 * route: paths and patterns, and the answer that several routes give; see
 * route.h. The table of routes is route_table.c's.
 */
#include "poller/routes/route.h"

#include <string.h>

#include "common/text/jsonw.h"

void
route_detail(struct web_answer *a, int status, const char *text)
{
	a->status = status;
	buf_clear(&a->body);
	jsonw_object_of(&a->body, "detail", text);
}

bool
route_fits(const char *pattern, const char *path)
{
	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (*path == '\0' || *path == '/')
			return false;
		path += strcspn(path, "/");
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

const char *
route_part(const char *path, size_t n, size_t *len)
{
	for (;;) {
		path += *path == '/';
		*len = strcspn(path, "/");
		if (n-- == 0 || *len == 0)
			return path;
		path += *len;
	}
}
