/*
 * A source's URL in its parts: scheme, location, and parameters.
 *
 * "v4l2:/dev/video0?size=1280x720&fps=30": parameters follow '?', percent-decoded; for rtsp, rtmp,
 * srt, http and https, whose query belongs to the camera, they follow '#'.
 *
 * Ownership: borrows nothing; fixed-size copies.
 * Thread:    any.
 */
#ifndef AVOCET_APP_SOURCE_URL_H
#define AVOCET_APP_SOURCE_URL_H

#include <stddef.h>

enum { SOURCE_SCHEME_SIZE = 16, SOURCE_LOCATION_SIZE = 1024, SOURCE_PARAMETERS_MAX = 32 };

struct source_parameter {
    char name[64];
    char value[256];
};

struct source_url {
    char scheme[SOURCE_SCHEME_SIZE];
    char location[SOURCE_LOCATION_SIZE]; /* behind "scheme:", "//" of tcp://HOST removed */
    struct source_parameter parameters[SOURCE_PARAMETERS_MAX];
    unsigned n_parameters;
};

/* 0, or -EINVAL with a sentence. */
int source_url_parse(const char *text, struct source_url *out, char *sentence, size_t size);

#endif
