/*
 * json_loop: reads lines on standard input, parses each with jansson and
 * prints how many there were: the least that any reader of records does who
 * takes the usual library. The bench runs it beside the aggregator.
 */
#include <stdio.h>

#include <jansson.h>

int
main(void)
{
	static char line[1024 * 1024];
	unsigned long n = 0;

	while (fgets(line, sizeof line, stdin) != NULL) {
		json_error_t error;
		json_t *record = json_loads(line, 0, &error);

		if (record == NULL) {
			fprintf(stderr, "line %lu: %s\n", n + 1, error.text);
			return 65;
		}
		json_decref(record);
		n++;
	}
	printf("%lu\n", n);
	return 0;
}
