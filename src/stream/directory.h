/*
 * All streams by name.
 *
 * Thread: loop only.
 */
#ifndef AVOCET_STREAM_DIRECTORY_H
#define AVOCET_STREAM_DIRECTORY_H

#include "stream/stream.h"

enum { DIRECTORY_STREAMS_MAX = 256 };

struct directory {
    struct stream *streams[DIRECTORY_STREAMS_MAX]; /* in the order of the configuration */
    unsigned n_streams;
};

/* -EEXIST, or -ENOSPC above DIRECTORY_STREAMS_MAX. Takes over s on success. */
int directory_add(struct directory *d, struct stream *s);
/* Takes s out and gives it back to the caller. */
void directory_remove(struct directory *d, struct stream *s);
struct stream *directory_find(const struct directory *d, const char *name);
/* [a-z0-9][a-z0-9_-]{0,63} and no reserved word: NULL, or why not, a sentence. */
const char *directory_check_name(const char *name);

#endif
