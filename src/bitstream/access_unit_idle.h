/*
 * Whether an idle stream means the end of an access unit: learnt from the stream itself.
 *
 * Nothing in H.264 tells a whole slice from one that is cut. So a forecast ("the bytes up to here
 * are the whole access unit") is made when the stream was idle for wait_ns and nothing speaks
 * against it, and compared with what the stream shows later. Only after n_proofs_needed forecasts
 * in a row came true the next one is acted upon. A wrong one doubles wait_ns and multiplies the
 * proofs needed, one that was acted upon by more; so does a pause inside a NAL unit that comes near
 * wait_ns. Long calm takes that back.
 *
 * What is larger than anything of its kind (IDR or not) that was proved is not believed, whatever
 * others have proved, and so no keyframe before one was proved: large ones are where a writer fills
 * pipes and networks, and pauses.
 *
 * So a writer that pauses inside slices is not trusted; but the first such pause of one that never
 * did it before, not even briefly, is not recognised, and the forecast acted upon is wrong.
 *
 * Against an end speak: fewer slices than recent pictures of the kind had (when they all had the
 * same number: any other number), a last byte of zero, and sizes at which writers and networks cut
 * (blocks of stdio and pipes, TCP segments).
 *
 * Units:     ns, bytes.
 * Ownership: a value.
 * Thread:    one owner.
 */
#ifndef AVOCET_BITSTREAM_ACCESS_UNIT_IDLE_H
#define AVOCET_BITSTREAM_ACCESS_UNIT_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACCESS_UNIT_IDLE_PROOFS = 32,
    ACCESS_UNIT_IDLE_PROOFS_MAX = 65536,
    ACCESS_UNIT_IDLE_CALM = 1024, /* pictures without a wrong forecast */
    ACCESS_UNIT_IDLE_SLICE_HISTORY = 8,
    ACCESS_UNIT_IDLE_LARGER_PERCENT = 25, /* than what was proved */
};

/* How many slices recent pictures of one kind had. */
struct access_unit_idle_slices {
    unsigned counts[ACCESS_UNIT_IDLE_SLICE_HISTORY];
    size_t n_counts; /* ever */
};

struct access_unit_idle {
    int64_t base_ns; /* 0: never end idle */
    int64_t wait_ns; /* base_ns or more */
    unsigned n_proofs;
    unsigned n_proofs_needed;
    size_t proved_bytes[2]; /* [1]: of IDR pictures; the largest of a forecast that came true */
    unsigned n_calm;
    int64_t longest_pause_ns;                 /* inside a NAL unit, while n_calm was counted */
    struct access_unit_idle_slices slices[2]; /* [1]: of IDR pictures */
    size_t foretold_bytes;                    /* of the current access unit; 0: no forecast yet */
    bool is_unproved;  /* the last access unit ended idle; what comes will show whether rightly */
    bool is_tail_open; /* ... and whether its last NAL unit is over */
    uint64_t n_ends;   /* counters since init */
    uint64_t n_wrong;
};

void access_unit_idle_init(struct access_unit_idle *idle, int64_t base_ns);
/* A picture with this number of slices and this last byte and size may be whole. */
bool access_unit_idle_is_plausible(const struct access_unit_idle *idle, bool is_idr,
                                   unsigned n_slices, size_t size_bytes, size_t push_bytes,
                                   uint8_t last_byte);
/* Enough proofs to act upon the forecast of an access unit of this kind and size. */
bool access_unit_idle_is_trusted(const struct access_unit_idle *idle, bool is_idr,
                                 size_t size_bytes);

/* A NAL unit went on after a pause behind size_bytes of its access unit. */
void access_unit_idle_paused(struct access_unit_idle *idle, int64_t pause_ns, size_t size_bytes,
                             size_t push_bytes);
/* An access unit of n_slices ended with a start code behind size_bytes; settles its forecast. */
void access_unit_idle_ended(struct access_unit_idle *idle, bool is_idr, unsigned n_slices,
                            size_t size_bytes);
/* An access unit was ended by a forecast ... */
void access_unit_idle_acted(struct access_unit_idle *idle);
/* ... and that was right or wrong. */
void access_unit_idle_proved(struct access_unit_idle *idle, bool is_idr, unsigned n_slices);
void access_unit_idle_disproved(struct access_unit_idle *idle);

#endif
