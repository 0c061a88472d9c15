/*
 * Access units of a raw H.264 byte stream (a pipe, a TCP connection, a file), pushed in any cut.
 *
 * The end of an access unit shows at the start code of what follows: an access unit delimiter,
 * parameter set, SEI or first slice. A live writer sends that a frame later; so when there is
 * nothing more to read, the macroblocks of what is there are counted (h264_slice_data.h): a picture
 * that has all of them is whole, and given out at once. Pictures of which that cannot be told wait
 * for the start code: those that h264_slice_data does not read, and those whose slices come in
 * another order than their macroblocks. How bytes are cut never changes the packets.
 *
 * Use: push what was read, pull until -EAGAIN; if there is nothing to read then, flush_whole. At
 * the end of a file flush_end; when a source is opened again reset.
 *
 * Packets are in normal form (h264_normal.h) with arrival_ns = encoded_ns = the time at which
 * their first slice began to arrive; capture_ns and pts_ns are for the caller to set.
 *
 * Ownership: pushed bytes are copied; packets are the caller's.
 * Thread:    one owner.
 * Errors:    -EAGAIN no packet yet; -EMSGSIZE a push above ACCESS_UNIT_PUSH_MAX; -ENOMEM (the
 *            stream goes on at the next keyframe).
 * Limits:    an access unit above PACKET_SIZE_MAX is dropped.
 * Spec:      H.264 §7.4.1.2.3, §7.4.1.2.4, Annex A (arbitrary slice order), Annex B.
 */
#ifndef AVOCET_BITSTREAM_ACCESS_UNIT_H
#define AVOCET_BITSTREAM_ACCESS_UNIT_H

#include "bitstream/h264_normal.h"
#include "bitstream/h264_slice_data.h"

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
    uint32_t slice_first_mb;           /* where the slice being counted should begin */
    size_t slice_nal;                  /* header byte of the slice being counted; SIZE_MAX: none */
    struct h264_slice_data slice_data; /* of it */
    bool has_news;                     /* bytes that flush_whole has not looked at */
};

void access_unit_init(struct access_unit *a);
void access_unit_finish(struct access_unit *a);
/* Forget bytes and pictures; parameter sets and track stay. Marks a loss. */
void access_unit_reset(struct access_unit *a);

int access_unit_push(struct access_unit *a, struct bytes in, int64_t now_ns);
int access_unit_pull(struct access_unit *a, struct packet **out);

/* Whether flush_whole may find more than the last time: call it again, if nothing can be read. */
bool access_unit_may_be_whole(const struct access_unit *a);
/* After pull. 0 with the access unit that the bytes so far are the whole of, or -EAGAIN. */
int access_unit_flush_whole(struct access_unit *a, struct packet **out);
/* The stream is at its end and whole: what is left is complete. Pull the rest afterwards. */
int access_unit_flush_end(struct access_unit *a, struct packet **out);

#endif
