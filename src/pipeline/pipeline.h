/*
 * A pipeline: source → codecs → stream, on a thread of its own; the producer of a camera's stream.
 *
 *   asleep ──demand──▶ opening ──first packet──▶ live ──end, error, silence──▶ stalled ─backoff─▶
 * opening ▲ │ └───────────────────────── demand(0): close source, idle
 * ◀──────────────────────────────────┘
 *
 * The thread exists while something is wanted (or the source is drained while asleep). Wishes and
 * demand go through a mailbox with an eventfd, which interrupts the source's read.
 *
 * Encodings: packets of the source's own codec are passed through; from pictures each wanted
 * encoding gets its encoder; from packets of another codec a decoder stands between. An encoder
 * that refuses is retried with backoff and its sentence set on the encoding.
 *
 * Thread: created and destroyed on the loop; the rest is its own.
 */
#ifndef AVOCET_PIPELINE_PIPELINE_H
#define AVOCET_PIPELINE_PIPELINE_H

#include "codec/codec.h"
#include "source/source.h"
#include "stream/stream.h"

#define PIPELINE_BACKOFF_MIN_NS (250 * NS_PER_MS)
#define PIPELINE_BACKOFF_MAX_NS (5 * NS_PER_S)
#define PIPELINE_SILENCE_NS     (3 * NS_PER_S) /* a live source that gives nothing is stalled */
#define PIPELINE_HANG_NS        (5 * NS_PER_S) /* so is one whose driver does not return from a call */

/* The tables of the registry, NULL-terminated, in order of preference. */
struct pipeline_types {
    const struct source_type *const *sources;
    const struct encoder_type *const *encoders;
    const struct decoder_type *const *decoders;
};

struct pipeline_config {
    const struct source_type *source;
    const char *location;
    void *source_options; /* filled by source->options; copied into the state's beginning */
    struct picture_size size;
    struct rational rate;
    bool is_size_given;
    bool is_rate_given;
    struct encoder_params h264; /* bitrate, keyframe, vbv …; size and rate are the source's */
    int jpeg_quality;
    const char *encoder; /* wanted H.264 encoder by name; NULL: first that works */
};

/* The configuration is copied. Nothing is opened before the first demand. -ENOMEM. */
int pipeline_create(struct producer **out, const struct pipeline_config *config,
                    const struct pipeline_types *types, struct stream *stream,
                    const struct log *log);

#endif
