/* Parameter sets, slice headers, the rewrite and the normal form, from one Annex B access unit. */
#include <assert.h>

#include "bitstream/h264.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(struct bytes nal)
{
    struct h264_sps sps, again;
    uint8_t out[H264_SPS_SIZE_MAX + 32];
    size_t size;
    if (h264_sps_parse(nal, &sps) == 0 &&
        h264_sps_rewrite(nal, &sps, out, sizeof(out), &size) == 0) {
        if (h264_sps_parse(bytes_of(out, size), &again) == 0) {
            assert(again.has_broken_vui || again.max_num_reorder_frames == 0);
            assert(again.size.width == sps.size.width && again.size.height == sps.size.height);
        } else {
            assert(size > H264_SPS_SIZE_MAX);
        }
    }
}

static void check_track(const struct track *track)
{
    struct track again = {0};
    struct buf *avcc;
    assert(track->size.width > 0 && track->size.width <= H264_SPS_SIDE_MAX);
    assert(h264_config_track(buf_bytes(track->parameter_sets), &again) == 0);
    assert(track_is_compatible(track, &again));
    track_finish(&again);
    if (h264_config_avcc(buf_bytes(track->parameter_sets), &avcc) == 0) {
        buf_unref(&avcc);
    }
}

static void normalise(struct bytes in)
{
    struct h264_normal n;
    h264_normal_init(&n);
    for (unsigned i = 0; i < 2; i++) {
        struct packet *p;
        if (h264_normal_make(&n, in, &p) == 0) {
            assert(p->size <= p->capacity);
            packet_unref(&p);
        }
    }
    if (n.n_tracks > 0) {
        check_track(&n.track);
    }
    h264_normal_finish(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct h264_sets sets = {0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, in); h264_nal_next(&it, &nal);) {
        struct h264_slice slice;
        rewrite(nal);
        h264_sets_put(&sets, nal);
        h264_slice_parse(nal, &sets, &slice);
    }
    h264_sets_finish(&sets);
    normalise(in);
    return 0;
}
