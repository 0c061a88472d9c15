/*
 * Codecs: encoders make packets of pictures, decoders pictures of packets. One in, at most one out,
 * nothing kept back: what cannot do that without delay has no place here.
 *
 * Order of calls: open; encode or decode; set_bitrate in between; close (copes with half-open).
 *
 * One file + one row in src/app/registry.c; the order of rows is the order of preference.
 *
 * Ownership: outputs are one new reference for the caller; inputs are borrowed for the call.
 * Thread:    the pipeline's.
 * Errors:    -errno with error->sentence set; outputs untouched. -EAGAIN: nothing came out of this
 *            one (a decoder before its first keyframe).
 */
#ifndef AVOCET_CODEC_CODEC_H
#define AVOCET_CODEC_CODEC_H

#include "base/log.h"
#include "base/option.h"
#include "media/packet.h"
#include "media/picture.h"
#include "media/track.h"
#include "media/wish.h"

struct encoder_params {
    struct picture_size size;
    struct rational rate;
    int64_t bitrate_bps;
    int64_t keyframe_ns; /* interval; 0: only on wish */
    int vbv_frames;      /* 1 in drive, 2 in watch, 30 in smooth */
    bool intra_refresh;
    int64_t slice_max_size_bytes; /* 0: one slice per picture */
    int quality;                  /* JPEG, 1..100 */
    const char *preset;           /* x264's; NULL: the encoder's choice */
    const struct log *log;
};

struct encoder_type {
    const char *name; /* "x264" */
    const char *summary;
    enum encoding_id makes;
    unsigned formats; /* set of 1 << enum pixel_format that encode() takes */
    unsigned can;     /* set of enum producer_can */
    size_t state_size;
    int (*open)(void *state, const struct encoder_params *params, struct option_error *error);
    /* The track of the packets to come; parameter_sets included. Borrowed from state. */
    const struct track *(*track)(const void *state);
    int (*encode)(void *state, struct picture *picture, bool force_key, struct packet **out,
                  struct option_error *error);
    int (*set_bitrate)(void *state, int64_t bitrate_bps); /* may be absent */
    void (*close)(void *state);
    /* NULL, or why it cannot work on this machine (no device): a sentence. May be absent. */
    const char *(*problem)(void);
};

struct decoder_type {
    const char *name;
    const char *summary;
    enum codec takes;
    size_t state_size;
    int (*open)(void *state, const struct log *log, struct option_error *error);
    /* Times and flags of the packet go over to the picture. */
    int (*decode)(void *state, const struct packet *packet, const struct track *track,
                  struct picture **out, struct option_error *error);
    /*
     * The same in two steps, for a decoder that works elsewhere; both may be absent. begin() never
     * waits; it takes a reference. collect() waits until deadline_ns at most and is called until it
     * gives anything but -EINPROGRESS, before there is another begin(). -ETIMEDOUT: it has had its
     * time.
     */
    int (*begin)(void *state, struct packet *packet, struct option_error *error);
    int (*collect)(void *state, int64_t deadline_ns, struct picture **out,
                   struct option_error *error);
    void (*close)(void *state);
    const char *(*problem)(void); /* may be absent */
};

#endif
