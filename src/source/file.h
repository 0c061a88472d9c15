/* A file of raw H.264, or of JPEGs one behind the other, played at its pace. */
#ifndef AVOCET_SOURCE_FILE_H
#define AVOCET_SOURCE_FILE_H

#include "source/source.h"

extern const struct source_type source_file;

#endif
