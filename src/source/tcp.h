/* Raw H.264 from a TCP server, such as `rpicam-vid --listen` or the far end of a tunnel. */
#ifndef AVOCET_SOURCE_TCP_H
#define AVOCET_SOURCE_TCP_H

#include "source/source.h"

extern const struct source_type source_tcp;

#endif
