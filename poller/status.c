#include "poller/poller.h"
enum exit_code
poller_status(struct poller *p)
{
	return p->code;
}
