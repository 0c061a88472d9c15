/* The test picture, with its capture time machine-readable in it (media/timecode.h). */
#ifndef AVOCET_SOURCE_TEST_H
#define AVOCET_SOURCE_TEST_H

#include "source/source.h"

extern const struct source_type source_test;

#endif
