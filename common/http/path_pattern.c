/*
 * path_pattern: see path_pattern.h.
 */
#include "common/http/path_pattern.h"

#include <string.h>

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
