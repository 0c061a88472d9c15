/*
 * H.264 out of an MPEG transport stream, pushed in any cut: PAT, PMT, PES packets.
 *
 * The first program's first H.264 stream is read. A unit is the payload of one PES packet, which is
 * one access unit with nearly every muxer. It is given as soon as it is whole: with its last byte
 * when the PES packet says its length. Where it does not (FFmpeg's muxer), a packet filled up with
 * stuffing is the last one, as soon as that was seen to hold for this muxer; else the next PES
 * packet's beginning is the end.
 *
 * Bytes that are no packets are skipped; a packet that is missing (the counter jumps) costs the
 * unit it belonged to, and the next one says so.
 *
 * Use: push what was read, pull until -EAGAIN.
 *
 * Ownership: pushed bytes are copied; a unit's bytes are valid until the next call.
 * Thread:    one owner.
 * Errors:    -EAGAIN no unit yet; -ENOMEM (bytes were lost).
 * Limits:    a unit above PACKET_SIZE_MAX is dropped; TS_READER_PUSH_MAX for a push.
 * Spec:      ISO/IEC 13818-1 §2.4.3, §2.4.4.
 */
#ifndef AVOCET_MUX_TS_READER_H
#define AVOCET_MUX_TS_READER_H

#include "base/text.h"
#include "mux/ts_section.h"

enum { TS_READER_PUSH_MAX = 1024 * 1024, TS_READER_STUFFED_ENDS = 8 /* until it is believed */ };

struct ts_unit {
    struct bytes bytes;
    int64_t pts; /* 1/90000 s, 33 bits; TIME_NONE: not said */
    int64_t dts; /* likewise; the pts when only that is said */
    bool is_discontinuity;
};

/* The elementary stream that is read. */
struct ts_reader_stream {
    uint16_t pid;    /* TS_PID_NULL: not known yet */
    uint8_t counter; /* expected next */
    bool has_counter;
    bool is_discontinuity;   /* for the next unit */
    bool is_begun;           /* a PES packet */
    bool is_stuffed;         /* its newest packet */
    unsigned n_stuffed_ends; /* units whose last packet was stuffed, and no other one */
    struct text payload;     /* of it, with its header */
};

struct ts_reader {
    struct text in; /* not yet read, from used on */
    size_t used;
    struct ts_section pat;
    struct ts_section pmt;
    struct ts_reader_stream video;
    bool is_given; /* video.payload holds the unit that the caller has */
};

void ts_reader_init(struct ts_reader *r);
void ts_reader_finish(struct ts_reader *r);
int ts_reader_push(struct ts_reader *r, struct bytes in);
int ts_reader_pull(struct ts_reader *r, struct ts_unit *out);
/* After the last pull: the stream is at its end, so what is there is whole. */
int ts_reader_flush(struct ts_reader *r, struct ts_unit *out);

#endif
