/*
 * Stand-ins with switches: a source of packets or pictures that fails, dies, falls silent or hangs
 * on demand; encoders and a decoder that count. One set of switches, reset by fake_reset().
 *
 * Thread: switches and counts are atomic; they are set by the test while pipelines run.
 */
#ifndef AVOCET_TESTS_PIPELINE_FAKES_H
#define AVOCET_TESTS_PIPELINE_FAKES_H

#include <stdatomic.h>

#include "pipeline/pipeline.h"

enum { FAKE_FRAME_MS = 4 };

struct fake_switches {
    /* source */
    atomic_int n_failing_opens; /* so many opens fail */
    atomic_int dies_after;      /* units; 0: never */
    atomic_int gop;             /* packets; a keyframe every so many */
    atomic_int packet_bytes;
    atomic_int width;
    atomic_bool is_silent;
    atomic_bool is_hanging; /* read() ignores everything */
    atomic_bool has_hung;   /* it has begun to */
    atomic_bool has_ended;  /* -EPIPE */
    atomic_int n_opens;
    atomic_int n_closes;
    atomic_int n_units;
    atomic_int n_source_keys; /* wishes */
    atomic_int n_controls;
    atomic_int title_length; /* of the option, seen at open */
    /* encoders */
    atomic_int n_refusals;        /* so many opens of the H.264 encoder fail */
    atomic_int n_failing_encodes; /* so many encodes of the H.264 encoder fail */
    atomic_int encode_ms;         /* that each encode of the H.264 encoder takes */
    atomic_int n_open_encoders[N_ENCODINGS];
    atomic_int n_encoder_opens[N_ENCODINGS];
    atomic_int n_forced_keys;
    atomic_long bitrate_bps;
    /* decoder */
    atomic_int n_failing_decodes; /* so many decodes fail for good */
    atomic_int n_open_decoders;
    atomic_int n_decoder_opens;
    atomic_int n_decoded;
};

extern struct fake_switches fake;
void fake_reset(void);

extern const struct source_type fake_packets;  /* "packets": H.264 */
extern const struct source_type fake_pipe;     /* the same, drained while asleep */
extern const struct source_type fake_pictures; /* "pictures" */
extern const struct pipeline_types fake_types;
extern const struct pipeline_types fake_types_without_decoder;

#endif
