/*
 * allocation_settings: reads the keys of [aggregator] that begin with
 * allocation_.
 */
#include "aggregator/allocation/allocation.h"

void
allocation_settings_read(struct allocation_settings *s, const struct conf *conf)
{
	const char *section = "aggregator";

	s->limit = conf_int(conf, section, "allocation_limit");
	s->expiry = conf_int(conf, section, "allocation_expiry");
	s->pause = conf_int(conf, section, "allocation_pause");
	s->sticky = conf_int(conf, section, "allocation_sticky");
	s->sticky_for = conf_int(conf, section, "allocation_sticky_wait");
	s->silent = conf_int(conf, section, "allocation_silent");
	s->offline = conf_int(conf, section, "allocation_offline");
	s->window = conf_int(conf, section, "window");
	if (s->sticky == 0)
		s->sticky_for = 0;
}
