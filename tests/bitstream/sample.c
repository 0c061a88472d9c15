#include "sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "bitstream/h264.h"

struct buf *sample_read(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", SAMPLES, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        abort();
    }
    struct buf *b = buf_create(256 * 1024);
    b->size = fread(b->data, 1, b->capacity, f);
    fclose(f);
    return b;
}

struct bytes sample_nal(struct bytes annexb, unsigned type, unsigned index)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, annexb); h264_nal_next(&it, &nal);) {
        if (h264_nal_type(nal) == type && index-- == 0) {
            return nal;
        }
    }
    fprintf(stderr, "no such NAL unit in the sample\n");
    abort();
}

size_t sample_cut_sps(struct bytes nal, enum sample_sps kind, uint8_t *out, size_t capacity)
{
    struct h264_sps sps;
    if (h264_sps_parse(nal, &sps) < 0) {
        abort();
    }
    uint8_t raw[H264_SPS_SIZE_MAX];
    uint8_t cut[H264_SPS_SIZE_MAX];
    struct bit_reader r;
    struct bit_writer w;
    bit_reader_init(&r, bytes_of(raw, h264_nal_unescape(nal, raw, sizeof(raw))));
    bit_writer_init(&w, cut, sizeof(cut));
    size_t n_bits =
        kind == SAMPLE_SPS_WITHOUT_VUI ? sps.vui_flag_pos_bits : sps.restriction_flag_pos_bits;
    for (; n_bits > 0; n_bits--) {
        bit_writer_u(&w, bit_reader_u(&r, 1), 1);
    }
    bit_writer_u(&w, 0, 1);
    return h264_nal_escape(bytes_of(cut, bit_writer_finish(&w)), out, capacity);
}

struct buf *sample_with_cut_sps(struct bytes annexb, enum sample_sps kind)
{
    struct buf *b = buf_create(annexb.size * 2 + 64);
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, annexb); h264_nal_next(&it, &nal);) {
        uint8_t cut[H264_SPS_SIZE_MAX];
        if (h264_nal_type(nal) == H264_NAL_SPS) {
            nal = bytes_of(cut, sample_cut_sps(nal, kind, cut, sizeof(cut)));
        }
        h264_nal_write(&w, nal);
    }
    b->size = byte_writer_size(&w);
    return b;
}

bool sample_is_normal(struct bytes packet, bool is_key)
{
    size_t at = 0;
    unsigned n_nals = 0;
    unsigned n_slices = 0;
    while (at < packet.size) {
        if (packet.size - at < 5 || memcmp(packet.data + at, "\0\0\0\1", 4) != 0) {
            return false;
        }
        const size_t start = at + 4;
        const size_t code = h264_nal_find_start_code(packet, start);
        at = code < packet.size ? code - 1 : code;
        const struct bytes nal = bytes_of(packet.data + start, at - start);
        const unsigned type = h264_nal_type(nal);
        if (nal.size == 0 || nal.data[nal.size - 1] == 0 ||
            (n_nals == 0 && is_key != (type == H264_NAL_SPS)) ||
            (n_nals == 1 && is_key && type != H264_NAL_PPS) ||
            (!h264_nal_is_vcl(nal) && type != H264_NAL_SEI && type != H264_NAL_SPS &&
             type != H264_NAL_PPS)) {
            return false;
        }
        n_slices += h264_nal_is_vcl(nal);
        n_nals++;
    }
    return n_slices > 0;
}

void sample_append_slices(struct byte_writer *out, struct bytes annexb)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, annexb); h264_nal_next(&it, &nal);) {
        if (h264_nal_is_vcl(nal)) {
            h264_nal_write(out, nal);
        }
    }
}
