#include "codec/convert.h"

/*
 * Range conversion (ITU-R BT.601: luma 16..235, chroma 16..240 around 128) with factors of 1/128 or
 * 1/256, small enough for 16-bit vectors.
 */
static void luma_to_full(uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++) {
        const uint16_t above = (uint16_t)((row[i] > 16 ? row[i] : 16) - 16);
        const uint16_t value = (uint16_t)((uint16_t)(above * 149 + 64) >> 7);
        row[i] = (uint8_t)(value < 255 ? value : 255);
    }
}

static void luma_to_limited(uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++) {
        row[i] = (uint8_t)(((uint16_t)(row[i] * 110 + 64) >> 7) + 16);
    }
}

static void chroma_to_full(uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++) {
        const int16_t value = (int16_t)(((int16_t)((row[i] - 128) * 146 + 64) >> 7) + 128);
        row[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static void chroma_to_limited(uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++) {
        row[i] = (uint8_t)(((int16_t)((row[i] - 128) * 225 + 128) >> 8) + 128);
    }
}

/* The luma of a packed row, from the first Y on. */
static void pick_2(const uint8_t *restrict in, uint8_t *restrict out, int n)
{
    for (int i = 0; i < n; i++) {
        out[i] = in[2 * i];
    }
}

static void split_uv(const uint8_t *restrict in, uint8_t *restrict u, uint8_t *restrict v, int n)
{
    for (int i = 0; i < n; i++) {
        u[i] = in[2 * i];
        v[i] = in[2 * i + 1];
    }
}

static void average_rows(const uint8_t *restrict a, const uint8_t *restrict b,
                         uint8_t *restrict out, int n)
{
    for (int i = 0; i < n; i++) {
        out[i] = (uint8_t)((a[i] + b[i] + 1) >> 1);
    }
}

/* Chroma of two packed rows, from the first U on. */
static void average_packed(const uint8_t *restrict a, const uint8_t *restrict b,
                           uint8_t *restrict u, uint8_t *restrict v, int n)
{
    for (int i = 0; i < n; i++) {
        u[i] = (uint8_t)((a[4 * i] + b[4 * i] + 1) >> 1);
        v[i] = (uint8_t)((a[4 * i + 2] + b[4 * i + 2] + 1) >> 1);
    }
}

static const uint8_t *row_of(const struct picture *p, int plane, int y)
{
    return p->planes[plane] + (ptrdiff_t)y * p->strides[plane];
}

static void luma_row(const struct picture *in, int y, uint8_t *out)
{
    if (pixel_format_is_packed(in->format)) {
        pick_2(row_of(in, 0, y) + (in->format == PIXEL_UYVY), out, in->size.width);
    } else {
        memcpy(out, row_of(in, 0, y), (size_t)in->size.width);
    }
}

/* Row y of the output's chroma. */
static void chroma_row(const struct picture *in, int y, uint8_t *u, uint8_t *v)
{
    const int n = in->size.width / 2;
    switch (in->format) {
    case PIXEL_I422:
        average_rows(row_of(in, 1, 2 * y), row_of(in, 1, 2 * y + 1), u, n);
        average_rows(row_of(in, 2, 2 * y), row_of(in, 2, 2 * y + 1), v, n);
        break;
    case PIXEL_NV12:
        split_uv(row_of(in, 1, y), u, v, n);
        break;
    case PIXEL_YUYV:
        average_packed(row_of(in, 0, 2 * y) + 1, row_of(in, 0, 2 * y + 1) + 1, u, v, n);
        break;
    case PIXEL_UYVY:
        average_packed(row_of(in, 0, 2 * y), row_of(in, 0, 2 * y + 1), u, v, n);
        break;
    default:
        memcpy(u, row_of(in, 1, y), (size_t)n);
        memcpy(v, row_of(in, 2, y), (size_t)n);
        break;
    }
}

void convert_to_i420(const struct picture *in, uint8_t *const planes[3], const int strides[3],
                     bool full_range)
{
    const int width = in->size.width;
    const bool is_other_range = in->full_range != full_range;
    for (int y = 0; y < in->size.height; y++) {
        uint8_t *out = planes[0] + (ptrdiff_t)y * strides[0];
        luma_row(in, y, out);
        if (is_other_range) { /* while the row is in the cache */
            (full_range ? luma_to_full : luma_to_limited)(out, width);
        }
    }
    for (int y = 0; y < in->size.height / 2; y++) {
        uint8_t *u = planes[1] + (ptrdiff_t)y * strides[1];
        uint8_t *v = planes[2] + (ptrdiff_t)y * strides[2];
        chroma_row(in, y, u, v);
        if (is_other_range) {
            (full_range ? chroma_to_full : chroma_to_limited)(u, width / 2);
            (full_range ? chroma_to_full : chroma_to_limited)(v, width / 2);
        }
    }
}

enum { WEIGHT_BITS = 8, WEIGHT_ONE = 1 << WEIGHT_BITS };

/* The samples [first, last] of n_in that sample i of n_out covers, and how much of both ends. */
struct span {
    int first;
    int last;
    int first_weight; /* 1 .. WEIGHT_ONE; of a single sample this alone counts */
    int last_weight;
};

static struct span span_of(int i, int n_in, int n_out)
{
    const int64_t begin = ((int64_t)i * n_in << WEIGHT_BITS) / n_out;
    int64_t end = ((int64_t)(i + 1) * n_in << WEIGHT_BITS) / n_out;
    if (end <= begin) {
        end = begin + 1;
    }
    const int first = (int)(begin >> WEIGHT_BITS);
    const int last = (int)((end - 1) >> WEIGHT_BITS);
    const int end_in_last = (int)(end - ((int64_t)last << WEIGHT_BITS));
    return (struct span){
        .first = first,
        .last = last,
        .first_weight =
            first == last ? (int)(end - begin) : WEIGHT_ONE - (int)(begin & (WEIGHT_ONE - 1)),
        .last_weight = end_in_last,
    };
}

static int span_weight(const struct span *s, int i)
{
    return i == s->first ? s->first_weight : i == s->last ? s->last_weight : WEIGHT_ONE;
}

static uint8_t area_mean(const struct convert_plane *in, const struct span *across,
                         const struct span *down)
{
    uint64_t sum = 0;
    uint64_t total = 0;
    for (int y = down->first; y <= down->last; y++) {
        const uint8_t *row = in->data + (ptrdiff_t)y * in->stride;
        const uint64_t row_weight = (uint64_t)span_weight(down, y);
        for (int x = across->first; x <= across->last; x++) {
            const uint64_t weight = row_weight * (uint64_t)span_weight(across, x);
            sum += weight * row[x];
            total += weight;
        }
    }
    return (uint8_t)((sum + total / 2) / total);
}

void convert_scale_plane(const struct convert_plane *in, const struct convert_plane *out)
{
    for (int y = 0; y < out->height; y++) {
        const struct span down = span_of(y, in->height, out->height);
        for (int x = 0; x < out->width; x++) {
            const struct span across = span_of(x, in->width, out->width);
            out->data[(ptrdiff_t)y * out->stride + x] = area_mean(in, &across, &down);
        }
    }
}
