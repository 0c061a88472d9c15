/*
 * A source gives pictures or packets, one at a time, on its pipeline's thread.
 *
 * Order of calls: open; read any number of times; close (also after a failed open: it copes with
 * half-open state). wish may come between reads. After a failure the pipeline closes, waits and
 * opens again.
 *
 * read() blocks until there is something, wake_fd becomes readable (-EINTR), or deadline_ns
 * (-ETIMEDOUT). It must poll wake_fd together with its own descriptors.
 *
 * One file + one row: a const struct source_type at the bottom of its file, a row in
 * src/app/registry.c. Options are the query of the source's URL and the keys of the stream's
 * configuration; the state begins with the struct that the option table fills.
 *
 * Ownership: read() gives one reference of picture or packet to the caller.
 * Thread:    the pipeline's, all of it, but for list().
 * Errors:    -errno; when open or read fails, error->sentence says what, where and what to do.
 *            -EPIPE from read: the source is at its end.
 */
#ifndef AVOCET_SOURCE_SOURCE_H
#define AVOCET_SOURCE_SOURCE_H

#include "base/log.h"
#include "base/option.h"
#include "media/packet.h"
#include "media/picture.h"
#include "media/track.h"
#include "media/wish.h"

/* What a picture or packet is asked to be. From the stream's configuration. */
struct source_params {
    const char *scheme;         /* of the type, which may have a row for each of several */
    const char *location;       /* the URL behind "scheme:": "/dev/video0", "-", "HOST:PORT" */
    const char *shown_location; /* the same without secrets, for logs and sentences */
    struct picture_size size;   /* wanted */
    struct rational rate;       /* wanted */
    bool is_size_given;         /* by the user, not the default */
    bool is_rate_given;
    int64_t bitrate_bps; /* for sources that encode H.264 themselves; 0: by size */
    int64_t keyframe_ns; /* likewise; 0: only on wish */
    int wake_fd;         /* readable: read() returns -EINTR. -1: none */
    const struct log *log;
};

enum source_kind { SOURCE_PICTURES, SOURCE_PACKETS };

/* One thing read: exactly one of picture and packet. */
struct source_unit {
    struct picture *picture;
    struct packet *packet;
    const struct track *track; /* of the packet; borrowed until the next call; it may change between
                                  packets only at a keyframe. Of a picture it may be there for the
                                  rate that was really obtained (CODEC_RAW) */
};

/* A device that the source could open, for `avocet devices`. */
struct source_device {
    char url[160];     /* "v4l2:/dev/v4l/by-id/…": what to write in a configuration */
    char node[64];     /* "/dev/video0" */
    char name[64];     /* the driver's card name */
    char problem[160]; /* why it cannot be used; "" when it can */
    char *details;     /* malloc'ed lines: formats, sizes, rates, controls */
};

struct source_type {
    const char *scheme;  /* "v4l2" */
    const char *summary; /* one line for --help: "camera by V4L2, v4l2:/dev/video0" */
    size_t state_size;
    const struct option *options; /* its own; NULL: none */
    int (*open)(void *state, const struct source_params *params, struct option_error *error);
    int (*read)(void *state, int64_t deadline_ns, struct source_unit *out,
                struct option_error *error);
    /* What was really obtained, known after open: for the log and info. May be absent. */
    void (*describe)(const void *state, char *out, size_t size);
    /* What comes instead of a picture: "H.264 comes, but no keyframe"; "" nothing. May be absent. */
    const char *(*instead)(const void *state);
    /* Which wishes it can fulfil itself: set of enum producer_can; absent: none. */
    unsigned (*can)(const void *state);
    /* 0, or -ENOTSUP. May be absent. */
    int (*wish)(void *state, const struct wish *wish, struct option_error *error);
    void (*close)(void *state);
    /* Calls each() for every device; any thread, no state. May be absent. */
    int (*list)(void (*each)(const struct source_device *device, void *arg), void *arg);
    /* It gives pictures and never packets: whatever is watched is encoded here. */
    bool gives_pictures_only;
    /* While nobody watches: keep open and go on reading, keeping only the newest GOP (pipes). */
    bool is_drained_while_asleep;
    /* Its location is [ADDRESS:]PORT and it listens there: beyond loopback that has to be allowed,
     * as for a server. */
    bool listens;
    /* Its location is an address with '//' before it, maybe with user, password and a query of its
     * own; parameters follow '#' then. */
    bool has_url;
    /* Why it cannot be used here, in one sentence; NULL: it can. May be absent. */
    const char *(*problem)(void);
};

#endif
