#include "bitstream/h264_macroblock.h"

#include <errno.h>
#include <stdlib.h>

#include "bitstream/h264_mb_elements.h"

enum {
    PCM_COEFFS = 16, /* total_coeff of I_PCM's blocks (§9.2.1) */
    ALL_DC = 7,
    ALL_CBP = 0x2f,
    CBP_LUMA = 0x0f,
    CAT_LUMA_AC = 1,
    CAT_LUMA = 2,
    CAT_CHROMA_AC = 4,
    CAT_LUMA_8X8 = 5,
    CONTEXT_INITS_PB = 1,
};

/* Predictions of a partition, as bits. */
enum { DIRECT = 0, L0 = 1, L1 = 2, BI = 3 };

/* A macroblock partition in 4x4 blocks. */
struct partition {
    uint8_t x, y, width, height;
};

static const struct h264_mb_edge unavailable = {
    .facts = {.kind = H264_MB_UNAVAILABLE, .cbp = CBP_LUMA},
    .fine = {[H264_LUMA] = {H264_NO_BLOCK, H264_NO_BLOCK, H264_NO_BLOCK, H264_NO_BLOCK}},
    .coarse = {[H264_CHROMA] = {H264_NO_BLOCK, H264_NO_BLOCK},
               [H264_CHROMA + 1] = {H264_NO_BLOCK, H264_NO_BLOCK}},
};

int h264_macroblock_begin(struct h264_macroblock *m)
{
    const struct h264_slice_header *h = &m->header;
    if (m->n_columns < h->width_mbs) {
        struct h264_mb_edge *columns = realloc(m->columns, h->width_mbs * sizeof(*columns));
        if (!columns) {
            return -ENOMEM;
        }
        m->columns = columns;
        m->n_columns = h->width_mbs;
    }
    for (size_t n = 0; n < h->n_bits; n += 8) {
        h264_rbsp_u(&m->entropy.in, h->n_bits - n < 8 ? (unsigned)(h->n_bits - n) : 8);
    }
    h264_rbsp_drop_padding(&m->entropy.in);
    m->address = h->first_mb;
    m->previous_has_qp_delta = false;
    m->is_bad = false;
    if (h->is_cabac) {
        h264_cabac_init_contexts(
            &m->entropy, h->type == H264_SLICE_I ? 0 : CONTEXT_INITS_PB + h->cabac_init_idc, h->qp);
        h264_cabac_start(&m->entropy);
    }
    return 0;
}

void h264_macroblock_finish(struct h264_macroblock *m)
{
    free(m->columns);
    m->columns = NULL;
    m->n_columns = 0;
}

bool h264_macroblock_is_overrun(const struct h264_macroblock *m)
{
    return h264_cabac_is_overrun(&m->entropy) || h264_rbsp_is_overrun(&m->entropy.in);
}

static void place_edges(uint8_t *grid, unsigned stride, const uint8_t *left, const uint8_t *above)
{
    for (unsigned i = 1; i < stride; i++) {
        grid[i] = above[i - 1];
        grid[i * stride] = left[i - 1];
    }
}

static void take_edges(const uint8_t *grid, unsigned stride, uint8_t *right, uint8_t *below)
{
    for (unsigned i = 1; i < stride; i++) {
        below[i - 1] = grid[stride * (stride - 1) + i];
        right[i - 1] = grid[stride * i + stride - 1];
    }
}

/* Motion matters to contexts of CABAC only. */
static bool has_motion(const struct h264_macroblock *m)
{
    return m->header.is_cabac && m->header.type != H264_SLICE_I;
}

static void begin_grids(struct h264_macroblock *m)
{
    const unsigned n_fine = has_motion(m) ? H264_FINE_GRIDS : 1;
    const unsigned n_coarse = has_motion(m) ? H264_COARSE_GRIDS : 2;
    memset(m->fine, 0, n_fine * sizeof(m->fine[0]));
    memset(m->coarse, 0, n_coarse * sizeof(m->coarse[0]));
    for (unsigned i = 0; i < n_fine; i++) {
        place_edges(m->fine[i], H264_FINE_STRIDE, m->a->fine[i], m->b->fine[i]);
    }
    for (unsigned i = 0; i < n_coarse; i++) {
        place_edges(m->coarse[i], H264_COARSE_STRIDE, m->a->coarse[i], m->b->coarse[i]);
    }
}

void h264_macroblock_skip(struct h264_macroblock *m)
{
    const uint32_t width = m->header.width_mbs;
    const uint32_t column = m->address % width;
    const uint32_t n_done = m->address - m->header.first_mb;
    m->a = column > 0 && n_done > 0 ? &m->left : &unavailable;
    m->b = n_done >= width ? &m->columns[column] : &unavailable;
    m->facts = (struct h264_mb_facts){.kind = H264_MB_SKIP};
}

static void commit_edges(struct h264_macroblock *m, struct h264_mb_edge *below)
{
    for (unsigned i = 0; i < (has_motion(m) ? H264_FINE_GRIDS : 1); i++) {
        take_edges(m->fine[i], H264_FINE_STRIDE, m->left.fine[i], below->fine[i]);
    }
    for (unsigned i = 0; i < (has_motion(m) ? H264_COARSE_GRIDS : 2); i++) {
        take_edges(m->coarse[i], H264_COARSE_STRIDE, m->left.coarse[i], below->coarse[i]);
    }
}

void h264_macroblock_commit(struct h264_macroblock *m)
{
    struct h264_mb_edge *below = &m->columns[m->address % m->header.width_mbs];
    if (m->facts.kind == H264_MB_SKIP) {
        m->left = (struct h264_mb_edge){0};
        *below = m->left;
    } else {
        commit_edges(m, below);
    }
    m->left.facts = m->facts;
    below->facts = m->facts;
    m->previous_has_qp_delta = m->facts.has_qp_delta;
    m->address++;
}

static void read_pcm(struct h264_macroblock *m)
{
    struct h264_rbsp *r = &m->entropy.in;
    m->facts.cbp = ALL_CBP;
    m->facts.dc = ALL_DC;
    memset(m->fine[H264_LUMA], PCM_COEFFS, sizeof(m->fine[0]));
    memset(m->coarse[H264_CHROMA], PCM_COEFFS, 2 * sizeof(m->coarse[0]));
    if (m->header.is_cabac) {
        h264_cabac_skip_bytes(&m->entropy, m->header.pcm_bytes);
        h264_cabac_start(&m->entropy);
        return;
    }
    h264_rbsp_u(r, (unsigned)r->n_bits % 8); /* pcm_alignment_zero_bit */
    for (unsigned n = m->header.pcm_bytes; n > 0; n--) {
        h264_rbsp_u(r, 8);
    }
}

/* mb_pred() of intra macroblocks */
static void read_intra_pred(struct h264_macroblock *m)
{
    if (m->facts.kind == H264_MB_I_NXN) {
        for (unsigned n = m->facts.is_8x8 ? 4 : 16; n > 0; n--) {
            h264_intra_pred_mode(m);
        }
    }
    if (m->header.has_chroma) {
        m->facts.has_chroma_pred_mode = h264_intra_chroma_pred_mode(m);
    }
}

static void fill(uint8_t *at, unsigned stride, unsigned width, unsigned height, uint8_t value)
{
    for (; height > 0; height--, at += stride) {
        memset(at, value, width);
    }
}

static void read_ref_idx(struct h264_macroblock *m, unsigned list, struct partition p)
{
    uint8_t *at = &m->coarse[H264_REF_IDX + list][(p.y / 2 + 1) * H264_COARSE_STRIDE + p.x / 2 + 1];
    const bool is_above_0 = h264_ref_idx(m, list, at) > 0;
    fill(at, H264_COARSE_STRIDE, p.width / 2, p.height / 2, is_above_0);
}

static void read_mvd(struct h264_macroblock *m, unsigned list, struct partition p)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *at = &m->fine[H264_MVD + 2 * list + i][(p.y + 1) * H264_FINE_STRIDE + p.x + 1];
        const uint8_t mvd = h264_mvd(m, i, at);
        fill(at, H264_FINE_STRIDE, p.width, p.height, mvd);
    }
}

/* mb_pred() of inter macroblocks of one or two partitions */
static void read_inter_pred(struct h264_macroblock *m, const struct partition *parts,
                            const uint8_t *predictions, unsigned n_parts)
{
    for (unsigned list = 0; list < 2; list++) {
        for (unsigned i = 0; i < n_parts; i++) {
            if (predictions[i] >> list & 1) {
                read_ref_idx(m, list, parts[i]);
            }
        }
    }
    for (unsigned list = 0; list < 2; list++) {
        for (unsigned i = 0; i < n_parts; i++) {
            if (predictions[i] >> list & 1) {
                read_mvd(m, list, parts[i]);
            }
        }
    }
}

/* A row of Tables 7-17 and 7-18. */
struct sub_mb {
    uint8_t predictions;
    uint8_t width, height; /* of its partitions */
};

static const struct sub_mb sub_mbs_p[] = {{L0, 2, 2}, {L0, 2, 1}, {L0, 1, 2}, {L0, 1, 1}};
static const struct sub_mb sub_mbs_b[] = {
    {DIRECT, 1, 1}, {L0, 2, 2}, {L1, 2, 2}, {BI, 2, 2}, {L0, 2, 1}, {L0, 1, 2}, {L1, 2, 1},
    {L1, 1, 2},     {BI, 2, 1}, {BI, 1, 2}, {L0, 1, 1}, {L1, 1, 1}, {BI, 1, 1}};

static struct partition sub_mb_at(unsigned i)
{
    return (struct partition){.x = (uint8_t)(i % 2 * 2), .y = (uint8_t)(i / 2 * 2), 2, 2};
}

static void read_sub_mvds(struct h264_macroblock *m, unsigned list, unsigned i, struct sub_mb sub)
{
    const struct partition whole = sub_mb_at(i);
    for (unsigned y = 0; y < 2; y += sub.height) {
        for (unsigned x = 0; x < 2; x += sub.width) {
            const struct partition p = {(uint8_t)(whole.x + x), (uint8_t)(whole.y + y), sub.width,
                                        sub.height};
            read_mvd(m, list, p);
        }
    }
}

/* sub_mb_pred(); returns noSubMbPartSizeLessThan8x8Flag. */
static bool read_sub_mb_pred(struct h264_macroblock *m, bool has_ref_idx)
{
    struct sub_mb subs[4];
    bool is_large = true;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned type = h264_sub_mb_type(m);
        subs[i] = m->header.type == H264_SLICE_B ? sub_mbs_b[type] : sub_mbs_p[type];
        is_large =
            is_large && (subs[i].predictions == DIRECT ? m->header.direct_8x8_inference
                                                       : subs[i].width + subs[i].height == 4);
    }
    for (unsigned list = 0; list < 2 && has_ref_idx; list++) {
        for (unsigned i = 0; i < 4; i++) {
            if (subs[i].predictions >> list & 1) {
                read_ref_idx(m, list, sub_mb_at(i));
            }
        }
    }
    for (unsigned list = 0; list < 2; list++) {
        for (unsigned i = 0; i < 4; i++) {
            if (subs[i].predictions >> list & 1) {
                read_sub_mvds(m, list, i, subs[i]);
            }
        }
    }
    return is_large;
}

/* The grid positions of luma4x4BlkIdx 0 to 15 (§6.4.3). */
static uint8_t *luma_block(struct h264_macroblock *m, unsigned index)
{
    const unsigned x = (index & 1) + (index >> 2 & 1) * 2;
    const unsigned y = (index >> 1 & 1) + (index >> 3) * 2;
    return &m->fine[H264_LUMA][(y + 1) * H264_FINE_STRIDE + x + 1];
}

/* residual_luma() */
static void read_luma(struct h264_macroblock *m)
{
    const bool is_16x16 = m->facts.kind == H264_MB_I_16X16;
    if (is_16x16) {
        h264_residual_dc(m, 0);
    }
    for (unsigned i = 0; i < 16 && !m->is_bad; i += 4) {
        if ((m->facts.cbp >> (i / 4) & 1) == 0) {
            continue;
        }
        if (m->facts.is_8x8 && m->header.is_cabac) {
            h264_cabac_residual(&m->entropy, CAT_LUMA_8X8, 64);
            fill(luma_block(m, i), H264_FINE_STRIDE, 2, 2, 1);
            continue;
        }
        for (unsigned j = i; j < i + 4; j++) {
            h264_residual_block(m, is_16x16 ? CAT_LUMA_AC : CAT_LUMA, is_16x16 ? 15 : 16,
                                luma_block(m, j), H264_FINE_STRIDE);
        }
    }
}

/* residual() behind residual_luma() */
static void read_chroma(struct h264_macroblock *m)
{
    const unsigned coded_block_pattern_chroma = m->facts.cbp >> 4;
    if (coded_block_pattern_chroma == 0) {
        return;
    }
    h264_residual_dc(m, 1);
    h264_residual_dc(m, 2);
    if (coded_block_pattern_chroma == 1) {
        return;
    }
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *at =
            &m->coarse[H264_CHROMA + i / 4][(i / 2 % 2 + 1) * H264_COARSE_STRIDE + i % 2 + 1];
        h264_residual_block(m, CAT_CHROMA_AC, 15, at, H264_COARSE_STRIDE);
    }
}

/* macroblock_layer() from coded_block_pattern on */
static void read_residual(struct h264_macroblock *m, bool may_be_8x8)
{
    if (m->facts.kind != H264_MB_I_16X16) {
        m->facts.cbp = h264_coded_block_pattern_of(m);
        if ((m->facts.cbp & CBP_LUMA) && may_be_8x8 && m->header.transform_8x8_mode) {
            m->facts.is_8x8 = h264_transform_size_8x8_flag(m);
        }
    }
    if (m->facts.cbp > 0 || m->facts.kind == H264_MB_I_16X16) {
        m->facts.has_qp_delta = h264_mb_qp_delta(m);
        read_luma(m);
        read_chroma(m);
    }
}

/* Table 7-11 */
static void read_intra(struct h264_macroblock *m, unsigned type)
{
    if (type == H264_I_PCM) {
        m->facts.kind = H264_MB_I_PCM;
        read_pcm(m);
        return;
    }
    m->facts.kind = type == 0 ? H264_MB_I_NXN : H264_MB_I_16X16;
    if (type > 0) {
        m->facts.cbp = (uint8_t)((type - 1) / 4 % 3 << 4 | (type > 12 ? CBP_LUMA : 0));
    } else if (m->header.transform_8x8_mode) {
        m->facts.is_8x8 = h264_transform_size_8x8_flag(m);
    }
    read_intra_pred(m);
    read_residual(m, false);
}

static const struct partition whole[] = {{0, 0, 4, 4}};
static const struct partition halves[2][2] = {{{0, 0, 4, 2}, {0, 2, 4, 2}},
                                              {{0, 0, 2, 4}, {2, 0, 2, 4}}};

/* Table 7-13 */
static void read_inter_p(struct h264_macroblock *m, unsigned type)
{
    static const uint8_t predictions[] = {L0, L0};
    bool may_be_8x8 = true;
    m->facts.kind = H264_MB_INTER;
    if (type == 0) {
        read_inter_pred(m, whole, predictions, 1);
    } else if (type <= 2) {
        read_inter_pred(m, halves[type - 1], predictions, 2);
    } else {
        may_be_8x8 = read_sub_mb_pred(m, type == 3); /* not P_8x8ref0 */
    }
    read_residual(m, may_be_8x8);
}

/* Table 7-14 */
static void read_inter_b(struct h264_macroblock *m, unsigned type)
{
    static const uint8_t predictions[9][2] = {{L0, L0}, {L1, L1}, {L0, L1}, {L1, L0}, {L0, BI},
                                              {L1, BI}, {BI, L0}, {BI, L1}, {BI, BI}};
    bool may_be_8x8 = true;
    m->facts.kind = type == 0 ? H264_MB_DIRECT : H264_MB_INTER;
    if (type == 0) {
        may_be_8x8 = m->header.direct_8x8_inference;
    } else if (type <= 3) {
        const uint8_t prediction = (uint8_t)type;
        read_inter_pred(m, whole, &prediction, 1);
    } else if (type < H264_B_8X8) {
        read_inter_pred(m, halves[type % 2], predictions[type / 2 - 2], 2);
    } else {
        may_be_8x8 = read_sub_mb_pred(m, true);
    }
    read_residual(m, may_be_8x8);
}

void h264_macroblock_read(struct h264_macroblock *m)
{
    h264_macroblock_skip(m);
    if (has_motion(m) && h264_mb_skip_flag(m)) {
        return;
    }
    begin_grids(m);
    const unsigned type = h264_mb_type(m);
    if (m->header.type == H264_SLICE_I) {
        read_intra(m, type);
    } else if (m->header.type == H264_SLICE_P) {
        type < H264_P_INTRA ? read_inter_p(m, type) : read_intra(m, type - H264_P_INTRA);
    } else {
        type < H264_B_INTRA ? read_inter_b(m, type) : read_intra(m, type - H264_B_INTRA);
    }
}
