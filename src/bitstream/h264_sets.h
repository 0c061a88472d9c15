/*
 * The parameter sets of one stream by id: the latest of each.
 *
 * Ownership: h264_sets_finish() frees what h264_sets_put() copied; entries are borrowed until the
 *            next put of the same id.
 * Thread:    one owner.
 */
#ifndef AVOCET_BITSTREAM_H264_SETS_H
#define AVOCET_BITSTREAM_H264_SETS_H

#include "bitstream/h264_pps.h"
#include "bitstream/h264_sps.h"

struct h264_sps_entry {
    struct h264_sps sps;
    struct bytes nal; /* points behind the entry */
};

struct h264_pps_entry {
    struct h264_pps pps;
    bool is_unsent; /* changed since a packet carried it; the normaliser's */
    struct bytes nal;
};

struct h264_sets {
    struct h264_sps_entry *sps[H264_SPS_IDS];
    struct h264_pps_entry *pps[H264_PPS_IDS];
};

/* All zero is empty. */
void h264_sets_finish(struct h264_sets *sets);
/*
 * Take a copy of an SPS or PPS NAL unit; other types are ignored. Returns 1 when it is new or
 * differs from the one with its id, 0 when nothing changed, -EBADMSG or -ENOTSUP when it is
 * unusable (the older one stays), -ENOMEM.
 */
int h264_sets_put(struct h264_sets *sets, struct bytes nal);
bool h264_sets_has_sps(const struct h264_sets *sets);
/* The pair for a PPS id; false when either is missing. */
bool h264_sets_find(const struct h264_sets *sets, uint32_t pps_id, const struct h264_sps **sps,
                    const struct h264_pps **pps);

#endif
