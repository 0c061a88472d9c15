/*
 * Whatever FFmpeg's libraries read, in the helper program avocet-input, which runs while the source
 * is open: cameras and servers on the network, and files of any container.
 *
 * H.264 that browsers play and JPEG come through as packets, everything else as pictures. H.264
 * that turns out to be reordered (B-frames) is read again as pictures.
 */
#ifndef AVOCET_SOURCE_INPUT_H
#define AVOCET_SOURCE_INPUT_H

#include "source/source.h"

extern const struct source_type source_rtsp;
extern const struct source_type source_rtsps;
extern const struct source_type source_rtmp;
extern const struct source_type source_rtmps;
extern const struct source_type source_srt;
extern const struct source_type source_http;
extern const struct source_type source_https;
/* A file of any container; source/any_file.h chooses it. */
extern const struct source_type source_input_file;

#endif
