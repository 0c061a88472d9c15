/*
 * Access units of a raw H.264 byte stream (a pipe, a TCP connection, a file), pushed in any cut.
 *
 * The end of an access unit shows at the start code of what follows: an access unit delimiter,
 * parameter set, SEI or first slice. A live writer sends that a frame later, so an access unit
 * also ends when the stream falls idle (idle_ns) behind what looks like its last slice. Whether
 * that holds for this writer is learnt first, see access_unit_idle.h. If an idle end proves wrong
 * after all (the NAL unit goes on, or another slice of the same picture comes), everything is
 * dropped up to the next keyframe, which carries PACKET_DISCONTINUITY. How bytes are cut never
 * changes the packets.
 *
 * Use: push what was read, pull until -EAGAIN, wait for input until the idle deadline; when that
 * passes without input, flush_idle. At the end of a file flush_end; when a source is opened again
 * reset.
 *
 * Packets are in normal form (h264_normal.h) with arrival_ns = encoded_ns = the time at which
 * their first slice began to arrive; capture_ns and pts_ns are for the caller to set.
 *
 * Ownership: pushed bytes are copied; packets are the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN no packet yet; -EMSGSIZE a push above ACCESS_UNIT_PUSH_MAX; -ENOMEM (the
 *            stream goes on at the next keyframe).
 * Limits:    an access unit above PACKET_SIZE_MAX is dropped.
 * Spec:      H.264 §7.4.1.2.3, §7.4.1.2.4, Annex B.
 */
#ifndef AVOCET_BITSTREAM_ACCESS_UNIT_H
#define AVOCET_BITSTREAM_ACCESS_UNIT_H

#include "bitstream/access_unit_idle.h"
#include "bitstream/h264_normal.h"

#define ACCESS_UNIT_IDLE_NS (3 * NS_PER_MS)

enum { ACCESS_UNIT_PUSH_MAX = 1024 * 1024 };

struct access_unit {
    struct h264_normal normal; /* read track and n_tracks */
    uint8_t *data;
    size_t capacity;
    size_t start; /* of the current access unit */
    size_t scan;  /* start codes are looked for from here */
    size_t size;
    size_t nal;         /* header byte of the newest NAL unit; SIZE_MAX: none begun */
    bool nal_is_judged; /* known to belong to the current access unit */
    int64_t nal_ns;     /* when it began to arrive */
    size_t lead;        /* first NAL unit behind a first field that may begin the next one */
    unsigned n_slices;  /* of the current access unit's primary picture */
    bool has_second_field;
    struct h264_slice slice; /* of the newest primary picture or field */
    int64_t slice_ns;        /* arrival of the current access unit's first slice */
    size_t push_start;       /* where the newest push begins in data */
    int64_t push_ns;
    int64_t previous_push_ns;
    struct access_unit_idle idle;
    unsigned idle_slices; /* of the picture that ended idle */
};

/* idle_ns 0: never end idle. */
void access_unit_init(struct access_unit *a, int64_t idle_ns);
void access_unit_finish(struct access_unit *a);
/* Forget bytes and pictures; parameter sets, track and what was learnt stay. Marks a loss. */
void access_unit_reset(struct access_unit *a);

int access_unit_push(struct access_unit *a, struct bytes in, int64_t now_ns);
int access_unit_pull(struct access_unit *a, struct packet **out);

/* When to call flush_idle if nothing is pushed before; TIME_NONE: no need. */
int64_t access_unit_idle_deadline_ns(const struct access_unit *a);
/* Call it at the deadline (earlier is harmless). 0 with a packet, or -EAGAIN. */
int access_unit_flush_idle(struct access_unit *a, int64_t now_ns, struct packet **out);
/* The stream is at its end and whole: what is left is complete. Pull the rest afterwards. */
int access_unit_flush_end(struct access_unit *a, struct packet **out);

#endif
