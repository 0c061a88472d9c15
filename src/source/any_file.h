/* file: of raw H.264, MPEG-TS and JPEG, which the program reads itself, and of anything else by the
 * helper program. */
#ifndef AVOCET_SOURCE_ANY_FILE_H
#define AVOCET_SOURCE_ANY_FILE_H

#include "source/source.h"

extern const struct source_type source_any_file;

#endif
