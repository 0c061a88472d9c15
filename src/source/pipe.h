/* Raw H.264 on standard input ("-") or a named pipe. */
#ifndef AVOCET_SOURCE_PIPE_H
#define AVOCET_SOURCE_PIPE_H

#include "source/source.h"

extern const struct source_type source_pipe;

#endif
