/*
 * What a sequence of packets is: codec, picture size, rate and parameter sets.
 *
 * Ownership: parameter_sets is a reference of the track's own; track_copy() takes another.
 * Thread:    a value; copy it between threads.
 */
#ifndef AVOCET_MEDIA_TRACK_H
#define AVOCET_MEDIA_TRACK_H

#include "base/buf.h"
#include "base/option.h"

enum codec { CODEC_NONE, CODEC_H264, CODEC_MJPEG, CODEC_RAW, N_CODECS };

enum { TRACK_CODEC_STRING_SIZE = 24 };

struct track {
    enum codec codec;
    struct picture_size size; /* as displayed, 0x0 unknown */
    struct rational rate;     /* nominal frames per second; num 0 unknown */
    int64_t bitrate_bps;      /* target, 0 unknown */
    bool is_reordered;        /* CODEC_H264: seen to show pictures in another order (B-frames) */
    /* CODEC_H264: SPS and PPS as Annex B, exactly as sent before each IDR; else NULL */
    struct buf *parameter_sets;
    /* RFC 6381: "avc1.42c01f", "mjpeg"; "" unknown */
    char codec_string[TRACK_CODEC_STRING_SIZE];
};

/* "h264", "mjpeg", "raw"; "none". */
const char *codec_name(enum codec codec);

void track_copy(struct track *out, const struct track *in);
void track_finish(struct track *t);
/* Same codec, size and parameter sets: a decoder needs no new initialisation. */
bool track_is_compatible(const struct track *a, const struct track *b);
/* "1280x720 avc1.42c01f at 30 fps", as far as known. */
void track_describe(const struct track *t, char *out, size_t size);
/* 1 s / rate; 1/30 s when the rate is unknown. */
int64_t track_frame_duration_ns(const struct track *t);

#endif
