/*
 * program: see program.h.
 */
#include "common/options/program.h"

#include <errno.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

int
program_main(const struct option_mode *const *modes, size_t modes_n, int argc,
    char **argv, void *options)
{
	struct option_common *common = options;
	const struct option_mode *mode;
	struct buf why = BUF_INIT;
	int code;

	prog_init(argv[0]);
	stop_init();
	code = option_read(modes, modes_n, argc, argv, options, &mode);
	if (code != -1)
		return code;
	log_set_verbosity(common->quiet, common->verbose);
	common->conf = conf_load(common->config, &why);
	if (common->conf == NULL) {
		code = (int)syserr_code(errno, PROG_CONFIG);
		log_error("%s", buf_str(&why));
	} else {
		code = (int)mode->run(options);
	}
	conf_free(common->conf);
	common->conf = NULL;
	buf_release(&why);
	return code;
}
