#include "poller/poller.h"
enum exit_code
poller_check(struct poller *p)
{
	return p->code;
}
