#include "bitstream/h264_config.h"

#include <errno.h>
#include <stdio.h>

#include "bitstream/h264_nal.h"
#include "bitstream/h264_sps.h"

enum { AVCC_VERSION = 1, AVCC_SPS_MAX = 31, AVCC_PPS_MAX = 255, AVCC_FIXED_SIZE = 11 };

void h264_config_codec_string(struct bytes sps_nal, char out[TRACK_CODEC_STRING_SIZE])
{
    snprintf(out, TRACK_CODEC_STRING_SIZE, "avc1.%02x%02x%02x", sps_nal.data[1], sps_nal.data[2],
             sps_nal.data[3]);
}

struct found_sets {
    struct bytes first_sps;
    unsigned n_sps;
    unsigned n_pps;
    size_t size; /* of all with four-byte start codes */
};

static struct found_sets find_sets(struct bytes annexb)
{
    struct found_sets found = {0};
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, annexb); h264_nal_next(&it, &nal);) {
        const unsigned type = h264_nal_type(nal);
        if (type == H264_NAL_SPS && found.n_sps++ == 0) {
            found.first_sps = nal;
        }
        found.n_pps += type == H264_NAL_PPS;
        if (type == H264_NAL_SPS || type == H264_NAL_PPS) {
            found.size += H264_START_CODE_SIZE + nal.size;
        }
    }
    return found;
}

static struct buf *copy_sets(struct bytes annexb, size_t size)
{
    struct buf *sets = buf_create(size);
    if (!sets) {
        return NULL;
    }
    struct byte_writer w;
    byte_writer_init(&w, sets->data, size);
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, annexb); h264_nal_next(&it, &nal);) {
        if (h264_nal_type(nal) == H264_NAL_SPS || h264_nal_type(nal) == H264_NAL_PPS) {
            h264_nal_write(&w, nal);
        }
    }
    sets->size = byte_writer_size(&w);
    return sets;
}

int h264_config_track(struct bytes annexb, struct track *track)
{
    const struct found_sets found = find_sets(annexb);
    struct h264_sps sps;
    if (found.n_sps == 0 || found.n_pps == 0 || h264_sps_parse(found.first_sps, &sps) < 0) {
        return -EBADMSG;
    }
    struct buf *sets = copy_sets(annexb, found.size);
    if (!sets) {
        return -ENOMEM;
    }
    buf_unref(&track->parameter_sets);
    track->parameter_sets = sets;
    track->codec = CODEC_H264;
    track->size = sps.size;
    if (sps.rate.num > 0) {
        track->rate = sps.rate;
    }
    h264_config_codec_string(found.first_sps, track->codec_string);
    return 0;
}

struct rational h264_config_sample_aspect(struct bytes parameter_sets)
{
    struct h264_sps sps;
    const struct found_sets found = find_sets(parameter_sets);
    if (found.n_sps == 0 || h264_sps_parse(found.first_sps, &sps) < 0) {
        return (struct rational){0, 1};
    }
    return sps.sample_aspect;
}

/* u16 length and NAL unit for each of one type */
static void write_sets(struct byte_writer *w, struct bytes parameter_sets, unsigned type)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, parameter_sets); h264_nal_next(&it, &nal);) {
        if (h264_nal_type(nal) == type) {
            w->error = w->error || nal.size > UINT16_MAX;
            byte_writer_u16(w, (uint16_t)nal.size);
            byte_writer_bytes(w, nal);
        }
    }
}

static bool is_high_profile(uint8_t profile_idc)
{
    return profile_idc != 66 && profile_idc != 77 && profile_idc != 88;
}

int h264_config_avcc(struct bytes parameter_sets, struct buf **out)
{
    const struct found_sets found = find_sets(parameter_sets);
    struct h264_sps sps;
    if (found.n_sps == 0 || found.n_sps > AVCC_SPS_MAX || found.n_pps == 0 ||
        found.n_pps > AVCC_PPS_MAX || h264_sps_parse(found.first_sps, &sps) < 0) {
        return -EBADMSG;
    }
    struct buf *avcc = buf_create(AVCC_FIXED_SIZE + found.size);
    if (!avcc) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, avcc->data, avcc->capacity);
    byte_writer_u8(&w, AVCC_VERSION);
    const struct bytes profile_and_level = bytes_of(found.first_sps.data + 1, 3);
    byte_writer_bytes(&w, profile_and_level);
    byte_writer_u8(&w, 0xfc | 3); /* lengthSizeMinusOne */
    byte_writer_u8(&w, (uint8_t)(0xe0 | found.n_sps));
    write_sets(&w, parameter_sets, H264_NAL_SPS);
    byte_writer_u8(&w, (uint8_t)found.n_pps);
    write_sets(&w, parameter_sets, H264_NAL_PPS);
    if (is_high_profile(sps.profile_idc)) {
        byte_writer_u8(&w, 0xfc | sps.chroma_format_idc);
        byte_writer_u8(&w, (uint8_t)(0xf8 | (sps.bit_depth_luma - 8)));
        byte_writer_u8(&w, (uint8_t)(0xf8 | (sps.bit_depth_chroma - 8)));
        byte_writer_u8(&w, 0); /* numOfSequenceParameterSetExt */
    }
    avcc->size = byte_writer_size(&w);
    if (w.error) {
        buf_unref(&avcc);
        return -EBADMSG;
    }
    *out = avcc;
    return 0;
}
