/* How an input is opened: what may be opened at all, and what its packets need. */
#ifndef AVOCET_HELPERS_INPUT_OPEN_H
#define AVOCET_HELPERS_INPUT_OPEN_H

#include "input.h"

/* in->format is allocated, with its interrupt callback; freed when this fails. */
int input_open_format(struct input *in);

#endif
