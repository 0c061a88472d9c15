/*
 * What a helper gives up before it looks at anything from outside.
 *
 * Errors: false: it could not be given up, and nothing may be looked at.
 */
#ifndef AVOCET_HELPERS_SANDBOX_H
#define AVOCET_HELPERS_SANDBOX_H

#include <stdbool.h>

/* Everything but memory, the descriptors it has, and its end: for who only decodes. */
bool sandbox_enter_closed(void);
/* Programs, other processes, writing files, and the system's settings: for who reads network and
 * files. */
bool sandbox_enter_open(void);

#endif
