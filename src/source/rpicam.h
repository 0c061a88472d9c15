/*
 * Raspberry Pi camera by the program rpicam-vid (libcamera-vid before 2024), rpicam:0.
 *
 * The program is a child process: started when somebody watches, ended when nobody does, and
 * started again when it ends by itself. What it last said on stderr is part of the error.
 *
 * Thread: the pipeline's.
 */
#ifndef AVOCET_SOURCE_RPICAM_H
#define AVOCET_SOURCE_RPICAM_H

#include "source/source.h"

extern const struct source_type source_rpicam;

#endif
