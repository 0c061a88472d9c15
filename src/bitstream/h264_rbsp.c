#include "bitstream/h264_rbsp.h"

#define RBSP_STOP_ONE_BIT (1u << 31)

bool h264_rbsp_byte(struct h264_rbsp *r, uint8_t *byte)
{
    if (r->n_zeros >= 2 && r->pos < r->nal.size && r->nal.data[r->pos] == 3) {
        r->pos++;
        r->n_zeros = 0;
    }
    if (r->pos >= r->nal.size) {
        *byte = 0;
        return false;
    }
    *byte = r->nal.data[r->pos++];
    r->n_zeros = *byte == 0 ? r->n_zeros + 1 : 0;
    return true;
}

void h264_rbsp_refill(struct h264_rbsp *r)
{
    while (r->n_bits < H264_RBSP_PEEK_MAX) {
        uint8_t byte;
        r->n_padding += h264_rbsp_byte(r, &byte) ? 0 : 8;
        r->cache |= (uint32_t)byte << (24 - r->n_bits);
        r->n_bits += 8;
    }
}

uint32_t h264_rbsp_u(struct h264_rbsp *r, unsigned n)
{
    const uint32_t value = n > 0 ? h264_rbsp_peek(r, n) : 0;
    h264_rbsp_skip(r, n);
    return value;
}

uint32_t h264_rbsp_ue(struct h264_rbsp *r)
{
    const unsigned n_zeros = h264_rbsp_zeros(r, H264_RBSP_PEEK_MAX);
    h264_rbsp_skip(r, n_zeros);
    if (n_zeros == H264_RBSP_PEEK_MAX) {
        return H264_RBSP_BAD_CODE;
    }
    return h264_rbsp_u(r, n_zeros + 1) - 1;
}

int32_t h264_rbsp_se(struct h264_rbsp *r)
{
    const uint32_t code = h264_rbsp_ue(r);
    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}

bool h264_rbsp_has_zeros_only(struct h264_rbsp r)
{
    uint8_t byte;
    while (h264_rbsp_byte(&r, &byte)) {
        if (byte != 0) {
            return false;
        }
    }
    return true;
}

bool h264_rbsp_is_empty(const struct h264_rbsp *r)
{
    struct h264_rbsp rest = *r;
    h264_rbsp_fill(&rest);
    return rest.n_bits == rest.n_padding;
}

bool h264_rbsp_is_at_end(const struct h264_rbsp *r)
{
    struct h264_rbsp rest = *r;
    h264_rbsp_fill(&rest);
    return rest.cache == RBSP_STOP_ONE_BIT && h264_rbsp_has_zeros_only(rest);
}
