/*
 * mode_openapi: sink --openapi.
 */
#include <stdio.h>

#include "common/base/prog.h"
#include "sink/modes/modes.h"
#include "sink/resources/resource.h"

static enum exit_code
print_description(void *options)
{
	const struct buf *text = resource_openapi_text();

	(void)options;
	(void)fwrite(text->data, 1, text->len, stdout);
	return prog_flush();
}

const struct option_mode sink_mode_openapi = {
	.choice = OPTION_MODE("openapi", "print the description of the API"),
	.about = "Prints the OpenAPI 3.1 description of the API of --serve.\n",
	.run = print_description,
};
