#include "bitstream/h264_cabac.h"

enum {
    STATE_MAX = 62, /* pStateIdx; 63 is that of terminate */
    OFFSET_BITS = 9,
    OFFSET_MAX = 509,
    RANGE_MIN = 256,
    CTX_SIGNIFICANT = 105, /* ctxIdxOffset of Table 9-34 */
    CTX_LAST = 166,
    CTX_ABS_LEVEL = 227,
    CTX_SIGNIFICANT_8X8 = 402 - H264_CTX_IDX_8X8 + H264_CONTEXTS_8X8,
    CTX_LAST_8X8 = 417 - H264_CTX_IDX_8X8 + H264_CONTEXTS_8X8,
    CTX_ABS_LEVEL_8X8 = 426 - H264_CTX_IDX_8X8 + H264_CONTEXTS_8X8,
    CAT_CHROMA_DC = 3,
    CAT_LUMA_8X8 = 5,
    ABS_LEVEL_PREFIX_MAX = 14,
    SUFFIX_BITS_MAX = 24,
};

/* §9.3.1.1 */
void h264_cabac_init_contexts(struct h264_cabac *c, unsigned init_idc, int qp)
{
    const int clipped_qp = qp < 0 ? 0 : qp > 51 ? 51 : qp;
    for (unsigned i = 0; i < H264_CONTEXTS; i++) {
        const int8_t *mn = h264_context_init[init_idc][i];
        const int state = (mn[0] * clipped_qp >> 4) + mn[1];
        const int clipped = state < 1 ? 1 : state > 126 ? 126 : state;
        c->contexts[i] = (uint8_t)(clipped <= 63 ? (63 - clipped) << 1 : (clipped - 64) << 1 | 1);
    }
}

/* The next byte, from the cache of who read bits before. */
static uint32_t next_byte(struct h264_cabac *c)
{
    uint8_t byte;
    if (c->in.n_bits > 0) {
        const uint32_t cached = c->in.cache >> 24;
        h264_rbsp_skip(&c->in, 8);
        return cached;
    }
    c->n_padding += h264_rbsp_byte(&c->in, &byte) ? 0 : 8;
    return byte;
}

static uint32_t next_16_bits(struct h264_cabac *c)
{
    struct h264_rbsp *in = &c->in;
    const uint8_t *at = in->nal.data + in->pos;
    if (in->n_bits == 0 && in->pos + 2 <= in->nal.size && at[0] > 3 && at[1] > 3) {
        in->pos += 2;
        in->n_zeros = 0;
        return bytes_get_u16(at); /* as nearly always */
    }
    const uint32_t first = next_byte(c);
    return first << 8 | next_byte(c);
}

/* When n_extra is negative. The engine is a copy for as long as many bins follow each other. */
static inline void refill(struct h264_cabac_engine *e, struct h264_cabac *c)
{
    e->value = e->value << 16 | next_16_bits(c);
    e->n_extra += 16;
}

void h264_cabac_start(struct h264_cabac *c)
{
    c->engine = (struct h264_cabac_engine){.range = 510, .n_extra = -OFFSET_BITS};
    refill(&c->engine, c);
}

/* §9.3.3.2.1 */
static inline unsigned decide(struct h264_cabac_engine *e, struct h264_cabac *c, uint8_t *context)
{
    const unsigned state = *context >> 1;
    unsigned bin = *context & 1u;
    const uint32_t range_lps = h264_range_lps[state][e->range >> 6 & 3];
    e->range -= range_lps;
    const uint32_t scaled = e->range << e->n_extra;
    if (e->value < scaled) {
        *context += state < STATE_MAX ? 2 : 0;
        const unsigned shift = e->range < RANGE_MIN;
        e->range <<= shift;
        e->n_extra -= shift;
    } else {
        e->value -= scaled;
        const int shift = __builtin_clz(range_lps) - (32 - OFFSET_BITS);
        e->range = range_lps << shift;
        e->n_extra -= shift;
        *context = (uint8_t)(h264_transition_lps[state] << 1 | (state == 0 ? bin ^ 1 : bin));
        bin ^= 1;
    }
    if (e->n_extra < 0) {
        refill(e, c);
    }
    return bin;
}

static inline unsigned bypass(struct h264_cabac_engine *e, struct h264_cabac *c)
{
    if (--e->n_extra < 0) {
        refill(e, c);
    }
    const uint32_t scaled = e->range << e->n_extra;
    const uint32_t bin = -(uint32_t)(e->value >= scaled);
    e->value -= scaled & bin;
    return bin & 1;
}

unsigned h264_cabac_decision(struct h264_cabac *c, unsigned context)
{
    return decide(&c->engine, c, &c->contexts[context]);
}

unsigned h264_cabac_bypass(struct h264_cabac *c)
{
    return bypass(&c->engine, c);
}

unsigned h264_cabac_terminate(struct h264_cabac *c)
{
    struct h264_cabac_engine *e = &c->engine;
    e->range -= 2;
    if (e->value >= e->range << e->n_extra) {
        return 1;
    }
    if (e->range < RANGE_MIN) {
        e->range <<= 1;
        if (--e->n_extra < 0) {
            refill(e, c);
        }
    }
    return 0;
}

void h264_cabac_skip_bytes(struct h264_cabac *c, unsigned n_bytes)
{
    for (unsigned n = (unsigned)c->engine.n_extra / 8; n < n_bytes; n++) {
        next_byte(c);
    }
}

/* The last bit read is rbsp_stop_one_bit (§9.3.1.2); x264 signs the rest of that byte. */
bool h264_cabac_is_at_end(const struct h264_cabac *c)
{
    const unsigned n_bits = (unsigned)c->engine.n_extra / 8 * 8;
    return (c->engine.value & ((1u << n_bits) - 1)) == 0 && c->in.cache == 0 &&
           h264_rbsp_has_zeros_only(c->in);
}

/* Bypass bins of a 0th order Exp-Golomb suffix and the sign (§9.3.2.3). */
static inline void skip_level_suffix(struct h264_cabac_engine *e, struct h264_cabac *c)
{
    unsigned n_bits = 0;
    while (n_bits < SUFFIX_BITS_MAX && bypass(e, c)) {
        n_bits++;
    }
    for (; n_bits > 0; n_bits--) {
        bypass(e, c);
    }
}

/* coeff_abs_level_minus1 and coeff_sign_flag of each coefficient, ctxIdxInc as in §9.3.3.1.3. */
static inline void skip_levels(struct h264_cabac_engine *e, struct h264_cabac *c, uint8_t *contexts,
                               unsigned n_coeffs, unsigned n_greater_max)
{
    unsigned n_ones = 0;
    unsigned n_greater = 0;
    for (; n_coeffs > 0; n_coeffs--) {
        const unsigned first = n_greater > 0 ? 0 : 1 + (n_ones < 3 ? n_ones : 3);
        if (!decide(e, c, &contexts[first])) {
            n_ones++;
        } else {
            uint8_t *others =
                &contexts[5 + (n_greater < n_greater_max ? n_greater : n_greater_max)];
            unsigned prefix = 1;
            while (prefix < ABS_LEVEL_PREFIX_MAX && decide(e, c, others)) {
                prefix++;
            }
            if (prefix == ABS_LEVEL_PREFIX_MAX) {
                skip_level_suffix(e, c);
            }
            n_greater++;
        }
        bypass(e, c); /* coeff_sign_flag */
    }
}

/* significant_coeff_flag and last_significant_coeff_flag; returns the number of coefficients. */
static inline unsigned count_coeffs(struct h264_cabac_engine *e, struct h264_cabac *c, unsigned cat,
                                    unsigned max_coeffs)
{
    static const uint8_t offsets[] = {0, 15, 29, 44, 47};
    unsigned n = 0;
    for (unsigned i = 0; i + 1 < max_coeffs; i++) {
        unsigned significant = CTX_SIGNIFICANT_8X8 + h264_context_8x8[0][i];
        unsigned last = CTX_LAST_8X8 + h264_context_8x8[1][i];
        if (cat != CAT_LUMA_8X8) {
            const unsigned inc = offsets[cat] + i;
            significant = CTX_SIGNIFICANT + inc;
            last = CTX_LAST + inc;
        }
        if (decide(e, c, &c->contexts[significant])) {
            n++;
            if (decide(e, c, &c->contexts[last])) {
                return n;
            }
        }
    }
    return n + 1;
}

void h264_cabac_residual(struct h264_cabac *c, unsigned ctx_block_cat, unsigned max_coeffs)
{
    static const uint8_t offsets[] = {0, 10, 20, 30, 39};
    const unsigned levels = ctx_block_cat == CAT_LUMA_8X8
                                ? (unsigned)CTX_ABS_LEVEL_8X8
                                : (unsigned)CTX_ABS_LEVEL + offsets[ctx_block_cat];
    struct h264_cabac_engine e = c->engine;
    const unsigned n_coeffs = count_coeffs(&e, c, ctx_block_cat, max_coeffs);
    skip_levels(&e, c, &c->contexts[levels], n_coeffs, ctx_block_cat == CAT_CHROMA_DC ? 3 : 4);
    c->engine = e;
}
