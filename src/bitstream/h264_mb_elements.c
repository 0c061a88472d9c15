#include "bitstream/h264_mb_elements.h"

#include "bitstream/h264_cavlc.h"

/* ctxIdxOffset of Table 9-34 */
enum {
    CTX_MB_TYPE_I = 3,
    CTX_SKIP_P = 11,
    CTX_MB_TYPE_P = 14,
    CTX_MB_TYPE_P_INTRA = 17,
    CTX_SUB_MB_TYPE_P = 21,
    CTX_SKIP_B = 24,
    CTX_MB_TYPE_B = 27,
    CTX_MB_TYPE_B_INTRA = 32,
    CTX_SUB_MB_TYPE_B = 36,
    CTX_MVD = 40, /* and 47 */
    CTX_REF_IDX = 54,
    CTX_QP_DELTA = 60,
    CTX_CHROMA_PRED_MODE = 64,
    CTX_PREV_PRED_MODE = 68,
    CTX_REM_PRED_MODE = 69,
    CTX_CBP_LUMA = 73,
    CTX_CBP_CHROMA = 77,
    CTX_CODED_BLOCK_FLAG = 85,
    CTX_TRANSFORM_8X8 = H264_CONTEXTS_8X8, /* 399 */
};

enum {
    MVD_PREFIX_MAX = 9,
    MVD_SUFFIX_BITS_MAX = 20,
    MVD_CLIP = 64, /* beyond 32 all are the same */
    QP_DELTA_BINS_MAX = 2 * (52 + 6 * 6),
    CAT_CHROMA_DC = 3,
    LUMA_DC_COEFFS = 16,
    CHROMA_DC_COEFFS = 4,
};

static unsigned decision(struct h264_macroblock *m, unsigned context)
{
    return h264_cabac_decision(&m->entropy, context);
}

static bool is_intra_kind(unsigned kind)
{
    return kind >= H264_MB_I_NXN;
}

bool h264_mb_is_intra(const struct h264_macroblock *m)
{
    return is_intra_kind(m->facts.kind);
}

static bool is_coded(const struct h264_mb_edge *n)
{
    return n->facts.kind > H264_MB_SKIP;
}

bool h264_mb_skip_flag(struct h264_macroblock *m)
{
    const unsigned offset = m->header.type == H264_SLICE_P ? CTX_SKIP_P : CTX_SKIP_B;
    return decision(m, offset + is_coded(m->a) + is_coded(m->b));
}

/* Table 9-36 and the prefixes of P and B slices; context: of the bin behind the first. */
static unsigned cabac_intra_mb_type(struct h264_macroblock *m, unsigned first, unsigned context,
                                    bool is_i_slice)
{
    if (!decision(m, first)) {
        return 0; /* I_NxN */
    }
    if (h264_cabac_terminate(&m->entropy)) {
        return H264_I_PCM;
    }
    unsigned type = 1 + 12 * decision(m, context);
    if (decision(m, context + 1)) {
        type += 4 + 4 * decision(m, context + 1 + is_i_slice);
    }
    type += 2 * decision(m, context + 2 + is_i_slice);
    return type + decision(m, context + 2 + 2 * is_i_slice);
}

static bool is_not_i_nxn(const struct h264_mb_edge *n)
{
    return n->facts.kind != H264_MB_UNAVAILABLE && n->facts.kind != H264_MB_I_NXN;
}

static unsigned cabac_mb_type_i(struct h264_macroblock *m)
{
    const unsigned first = CTX_MB_TYPE_I + is_not_i_nxn(m->a) + is_not_i_nxn(m->b);
    return cabac_intra_mb_type(m, first, CTX_MB_TYPE_I + 3, true);
}

/* Table 9-37 (a) */
static unsigned cabac_mb_type_p(struct h264_macroblock *m)
{
    if (decision(m, CTX_MB_TYPE_P)) {
        return H264_P_INTRA +
               cabac_intra_mb_type(m, CTX_MB_TYPE_P_INTRA, CTX_MB_TYPE_P_INTRA + 1, false);
    }
    if (!decision(m, CTX_MB_TYPE_P + 1)) {
        return 3 * decision(m, CTX_MB_TYPE_P + 2); /* 16x16 or 8x8 */
    }
    return 2 - decision(m, CTX_MB_TYPE_P + 3); /* 8x16 or 16x8 */
}

static bool is_not_direct(const struct h264_mb_edge *n)
{
    return n->facts.kind > H264_MB_DIRECT;
}

static unsigned bins(struct h264_macroblock *m, unsigned context, unsigned n, unsigned value)
{
    for (; n > 0; n--) {
        value = value << 1 | decision(m, context);
    }
    return value;
}

/* Table 9-37 (b) */
static unsigned cabac_mb_type_b(struct h264_macroblock *m)
{
    const unsigned last = CTX_MB_TYPE_B + 5;
    if (!decision(m, CTX_MB_TYPE_B + is_not_direct(m->a) + is_not_direct(m->b))) {
        return 0;
    }
    if (!decision(m, CTX_MB_TYPE_B + 3)) {
        return 1 + decision(m, last);
    }
    const unsigned code = bins(m, last, 3, decision(m, CTX_MB_TYPE_B + 4));
    switch (code) {
    case 13:
        return H264_B_INTRA +
               cabac_intra_mb_type(m, CTX_MB_TYPE_B_INTRA, CTX_MB_TYPE_B_INTRA + 1, false);
    case 14:
        return 11;
    case 15:
        return H264_B_8X8;
    default:
        return code < 8 ? code + 3 : bins(m, last, 1, code) - 4;
    }
}

unsigned h264_mb_type(struct h264_macroblock *m)
{
    static const uint8_t n_types[] = {
        [H264_SLICE_P] = 31, [H264_SLICE_B] = 49, [H264_SLICE_I] = 26};
    if (m->header.is_cabac) {
        return m->header.type == H264_SLICE_I   ? cabac_mb_type_i(m)
               : m->header.type == H264_SLICE_P ? cabac_mb_type_p(m)
                                                : cabac_mb_type_b(m);
    }
    const uint32_t type = h264_rbsp_ue(&m->entropy.in);
    m->is_bad = m->is_bad || type >= n_types[m->header.type];
    return m->is_bad ? 0 : type;
}

/* Table 9-38 */
static unsigned cabac_sub_mb_type_p(struct h264_macroblock *m)
{
    if (decision(m, CTX_SUB_MB_TYPE_P)) {
        return 0;
    }
    if (!decision(m, CTX_SUB_MB_TYPE_P + 1)) {
        return 1;
    }
    return 3 - decision(m, CTX_SUB_MB_TYPE_P + 2);
}

static unsigned cabac_sub_mb_type_b(struct h264_macroblock *m)
{
    const unsigned last = CTX_SUB_MB_TYPE_B + 3;
    if (!decision(m, CTX_SUB_MB_TYPE_B)) {
        return 0;
    }
    if (!decision(m, CTX_SUB_MB_TYPE_B + 1)) {
        return 1 + decision(m, last);
    }
    unsigned type = 3;
    if (decision(m, CTX_SUB_MB_TYPE_B + 2)) {
        if (decision(m, last)) {
            return 11 + decision(m, last);
        }
        type = 7;
    }
    return type + bins(m, last, 2, 0);
}

unsigned h264_sub_mb_type(struct h264_macroblock *m)
{
    const bool is_b = m->header.type == H264_SLICE_B;
    if (m->header.is_cabac) {
        return is_b ? cabac_sub_mb_type_b(m) : cabac_sub_mb_type_p(m);
    }
    const uint32_t type = h264_rbsp_ue(&m->entropy.in);
    m->is_bad = m->is_bad || type >= (is_b ? 13 : 4);
    return m->is_bad ? 0 : type;
}

bool h264_transform_size_8x8_flag(struct h264_macroblock *m)
{
    return m->header.is_cabac
               ? decision(m, CTX_TRANSFORM_8X8 + m->a->facts.is_8x8 + m->b->facts.is_8x8)
               : h264_rbsp_u(&m->entropy.in, 1);
}

void h264_intra_pred_mode(struct h264_macroblock *m)
{
    if (!m->header.is_cabac) {
        h264_rbsp_u(&m->entropy.in, h264_rbsp_peek(&m->entropy.in, 1) ? 1 : 4);
    } else if (!decision(m, CTX_PREV_PRED_MODE)) {
        bins(m, CTX_REM_PRED_MODE, 3, 0);
    }
}

bool h264_intra_chroma_pred_mode(struct h264_macroblock *m)
{
    if (!m->header.is_cabac) {
        const uint32_t mode = h264_rbsp_ue(&m->entropy.in);
        m->is_bad = m->is_bad || mode > 3;
        return mode != 0;
    }
    const unsigned inc = m->a->facts.has_chroma_pred_mode + m->b->facts.has_chroma_pred_mode;
    if (!decision(m, CTX_CHROMA_PRED_MODE + inc)) {
        return false;
    }
    if (decision(m, CTX_CHROMA_PRED_MODE + 3)) {
        decision(m, CTX_CHROMA_PRED_MODE + 3);
    }
    return true;
}

/* §9.3.3.1.1.6 */
static unsigned cabac_ref_idx(struct h264_macroblock *m, unsigned inc)
{
    unsigned ref_idx = 0;
    while (ref_idx < H264_REF_IDX_MAX && decision(m, CTX_REF_IDX + inc)) {
        ref_idx++;
        inc = (inc >> 2) + 4;
    }
    return ref_idx;
}

unsigned h264_ref_idx(struct h264_macroblock *m, unsigned list, const uint8_t *at)
{
    const unsigned n = m->header.n_ref_idx[list];
    if (n == 1) {
        return 0;
    }
    uint32_t ref_idx;
    if (m->header.is_cabac) {
        ref_idx = cabac_ref_idx(m, at[-1] + 2u * at[-H264_COARSE_STRIDE]);
    } else if (n == 2) {
        ref_idx = !h264_rbsp_u(&m->entropy.in, 1);
    } else {
        ref_idx = h264_rbsp_ue(&m->entropy.in);
    }
    m->is_bad = m->is_bad || ref_idx >= n;
    return ref_idx;
}

/* The suffix of UEG3 with uCoff = 9 (§9.3.2.3). */
static unsigned mvd_suffix(struct h264_macroblock *m)
{
    unsigned suffix = 0;
    unsigned n_bits = 3;
    while (n_bits < MVD_SUFFIX_BITS_MAX && h264_cabac_bypass(&m->entropy)) {
        suffix += 1u << n_bits++;
    }
    m->is_bad = m->is_bad || n_bits == MVD_SUFFIX_BITS_MAX;
    while (n_bits-- > 0) {
        suffix += h264_cabac_bypass(&m->entropy) << n_bits;
    }
    return suffix;
}

/* §9.3.3.1.1.7 */
static uint8_t cabac_mvd(struct h264_macroblock *m, unsigned context, unsigned sum)
{
    if (!decision(m, context + (sum > 2) + (sum > 32))) {
        return 0;
    }
    unsigned mvd = 1;
    for (unsigned inc = 3; mvd < MVD_PREFIX_MAX && decision(m, context + inc); mvd++) {
        inc += inc < 6;
    }
    mvd += mvd == MVD_PREFIX_MAX ? mvd_suffix(m) : 0;
    h264_cabac_bypass(&m->entropy); /* sign */
    return (uint8_t)(mvd < MVD_CLIP ? mvd : (unsigned)MVD_CLIP);
}

uint8_t h264_mvd(struct h264_macroblock *m, unsigned component, const uint8_t *at)
{
    if (!m->header.is_cabac) {
        m->is_bad = h264_rbsp_ue(&m->entropy.in) == H264_RBSP_BAD_CODE || m->is_bad;
        return 0;
    }
    return cabac_mvd(m, CTX_MVD + 7 * component, (unsigned)at[-1] + at[-H264_FINE_STRIDE]);
}

/* §9.3.3.1.1.4: 1 where the block b8 of a neighbour, or of this macroblock, has nothing coded. */
static unsigned lacks_luma(unsigned cbp, unsigned b8)
{
    return (cbp >> b8 & 1) == 0;
}

static unsigned cabac_cbp_luma(struct h264_macroblock *m)
{
    unsigned cbp = 0;
    for (unsigned b8 = 0; b8 < 4; b8++) {
        const unsigned a = b8 & 1 ? lacks_luma(cbp, b8 - 1) : lacks_luma(m->a->facts.cbp, b8 + 1);
        const unsigned b = b8 & 2 ? lacks_luma(cbp, b8 - 2) : lacks_luma(m->b->facts.cbp, b8 + 2);
        cbp |= decision(m, CTX_CBP_LUMA + a + 2 * b) << b8;
    }
    return cbp;
}

static unsigned cabac_cbp_chroma(struct h264_macroblock *m)
{
    const unsigned a = m->a->facts.cbp >> 4;
    const unsigned b = m->b->facts.cbp >> 4;
    if (!decision(m, CTX_CBP_CHROMA + (a > 0) + 2 * (b > 0))) {
        return 0;
    }
    return 1 + decision(m, CTX_CBP_CHROMA + 4 + (a > 1) + 2 * (b > 1));
}

uint8_t h264_coded_block_pattern_of(struct h264_macroblock *m)
{
    if (m->header.is_cabac) {
        const unsigned luma = cabac_cbp_luma(m);
        return (uint8_t)(luma | (m->header.has_chroma ? cabac_cbp_chroma(m) << 4 : 0));
    }
    const int cbp =
        h264_cavlc_coded_block_pattern(&m->entropy.in, h264_mb_is_intra(m), m->header.has_chroma);
    m->is_bad = m->is_bad || cbp < 0;
    return cbp < 0 ? 0 : (uint8_t)cbp;
}

/* §9.3.3.1.1.5 */
static bool cabac_qp_delta(struct h264_macroblock *m)
{
    unsigned n = 0;
    unsigned inc = m->previous_has_qp_delta;
    while (n < QP_DELTA_BINS_MAX && decision(m, CTX_QP_DELTA + inc)) {
        inc = 2 + (inc >> 1);
        n++;
    }
    m->is_bad = m->is_bad || n > (unsigned)m->header.n_qps;
    return n > 0;
}

bool h264_mb_qp_delta(struct h264_macroblock *m)
{
    if (m->header.is_cabac) {
        return cabac_qp_delta(m);
    }
    const int32_t delta = h264_rbsp_se(&m->entropy.in);
    const int half = m->header.n_qps / 2;
    m->is_bad = m->is_bad || delta < -half || delta >= half;
    return delta != 0;
}

/* transBlockN is there and not zero, or what stands for it where there is none (§9.3.3.1.1.9). */
static unsigned dc_flag(const struct h264_macroblock *m, const struct h264_mb_edge *n,
                        unsigned component)
{
    return n->facts.kind == H264_MB_UNAVAILABLE ? h264_mb_is_intra(m)
                                                : n->facts.dc >> component & 1u;
}

static unsigned block_flag(const struct h264_macroblock *m, uint8_t block)
{
    return block == H264_NO_BLOCK ? h264_mb_is_intra(m) : block > 0;
}

/* residual_block_cabac(); returns coded_block_flag. */
static bool cabac_residual(struct h264_macroblock *m, unsigned cat, unsigned max_coeffs,
                           unsigned inc)
{
    if (!decision(m, CTX_CODED_BLOCK_FLAG + 4 * cat + inc)) {
        return false;
    }
    h264_cabac_residual(&m->entropy, cat, max_coeffs);
    return true;
}

/* §9.2.1 */
static int nc_of(uint8_t a, uint8_t b)
{
    if (a == H264_NO_BLOCK || b == H264_NO_BLOCK) {
        return a != H264_NO_BLOCK ? a : b != H264_NO_BLOCK ? b : 0;
    }
    return (a + b + 1) >> 1;
}

static unsigned cavlc_residual(struct h264_macroblock *m, int nc, unsigned max_coeffs)
{
    const int total_coeff = h264_cavlc_residual(&m->entropy.in, nc, max_coeffs);
    m->is_bad = m->is_bad || total_coeff < 0;
    return total_coeff < 0 ? 0 : (unsigned)total_coeff;
}

void h264_residual_dc(struct h264_macroblock *m, unsigned component)
{
    const unsigned max_coeffs = component == 0 ? LUMA_DC_COEFFS : CHROMA_DC_COEFFS;
    if (m->header.is_cabac) {
        const unsigned inc = dc_flag(m, m->a, component) + 2 * dc_flag(m, m->b, component);
        const bool flag = cabac_residual(m, component == 0 ? 0 : CAT_CHROMA_DC, max_coeffs, inc);
        m->facts.dc |= (uint8_t)(flag << component);
    } else {
        const uint8_t *first = &m->fine[H264_LUMA][H264_FINE_STRIDE + 1];
        cavlc_residual(
            m, component > 0 ? H264_NC_CHROMA_DC : nc_of(first[-1], first[-H264_FINE_STRIDE]),
            max_coeffs);
    }
}

void h264_residual_block(struct h264_macroblock *m, unsigned ctx_block_cat, unsigned max_coeffs,
                         uint8_t *at, unsigned stride)
{
    const uint8_t a = at[-1];
    const uint8_t b = *(at - stride);
    if (m->header.is_cabac) {
        *at = cabac_residual(m, ctx_block_cat, max_coeffs, block_flag(m, a) + 2 * block_flag(m, b));
    } else {
        *at = (uint8_t)cavlc_residual(m, nc_of(a, b), max_coeffs);
    }
}
