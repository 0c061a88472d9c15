#include "bitstream/h264_cavlc.h"

#include "bitstream/h264_cavlc_tables.h"

enum {
    COEFFS_MAX = 16,
    CHROMA_DC_COEFFS = 4,
    TABLE_CHROMA_DC = 3,
    LEVEL_PREFIX_MAX = 25,
    FIXED_LENGTH_BITS = 6, /* coeff_token for nC >= 8 */
    TOTAL_ZEROS_CHROMA_DC = 15,
    COEFF_TOKEN_BITS = 3,
    TOTAL_ZEROS_BITS = 2,
};

struct coeff_token {
    unsigned total_coeff;
    unsigned trailing_ones;
};

/* Table 9-5, last column: xxxxyy, TotalCoeff - 1 and TrailingOnes; 000011 for none. */
static struct coeff_token read_fixed_coeff_token(struct h264_rbsp *r)
{
    const unsigned code = h264_rbsp_u(r, FIXED_LENGTH_BITS);
    if (code == 3) {
        return (struct coeff_token){0};
    }
    return (struct coeff_token){.total_coeff = code / 4 + 1, .trailing_ones = code % 4};
}

/* A code of h264_cavlc_tables with columns for n_bits; first: of its rows. */
static unsigned read_code(struct h264_rbsp *r, const uint8_t *rows, unsigned n_bits,
                          const uint8_t first[2])
{
    const unsigned last_row = first[1] - first[0] - 1u;
    const unsigned n_zeros = h264_rbsp_zeros(r, last_row);
    const uint8_t *row = rows + ((size_t)(first[0] + n_zeros) << n_bits);
    if (n_zeros == last_row) {
        h264_rbsp_skip(r, n_zeros);
        return row[0];
    }
    unsigned length = n_zeros + 1 + n_bits;
    const unsigned column = h264_rbsp_peek(r, length) & ((1u << n_bits) - 1);
    for (unsigned i = 1; i < 1u << n_bits && row[column ^ i] == row[column]; i *= 2) {
        length--;
    }
    h264_rbsp_skip(r, length);
    return row[column];
}

static bool read_coeff_token(struct h264_rbsp *r, int nc, struct coeff_token *token)
{
    if (nc >= 8) {
        *token = read_fixed_coeff_token(r);
        return token->trailing_ones <= token->total_coeff;
    }
    const unsigned table = nc < 0 ? TABLE_CHROMA_DC : nc < 2 ? 0 : nc < 4 ? 1 : 2;
    const unsigned code =
        read_code(r, h264_coeff_token[0], COEFF_TOKEN_BITS, &h264_coeff_token_first[table]);
    *token = (struct coeff_token){.total_coeff = code >> 2, .trailing_ones = code & 3};
    return code != H264_NO_CODE;
}

/* level_prefix and level_suffix (§9.2.2.1); levels matter for suffixLength only. */
static bool skip_levels(struct h264_rbsp *r, struct coeff_token token)
{
    unsigned suffix_length = token.total_coeff > 10 && token.trailing_ones < 3;
    bool is_first = token.trailing_ones < 3;
    for (unsigned n = token.total_coeff - token.trailing_ones; n > 0; n--) {
        const unsigned prefix = h264_rbsp_zeros(r, LEVEL_PREFIX_MAX);
        h264_rbsp_skip(r, prefix);
        if (prefix == LEVEL_PREFIX_MAX) {
            return false;
        }
        h264_rbsp_u(r, 1);
        const unsigned n_bits = prefix == 14 && suffix_length == 0 ? 4
                                : prefix >= 15                     ? prefix - 3
                                                                   : suffix_length;
        const uint32_t suffix = h264_rbsp_u(r, n_bits);
        uint32_t level_code = ((prefix < 15 ? prefix : 15) << suffix_length) + suffix;
        level_code += prefix >= 15 && suffix_length == 0 ? 15 : 0;
        level_code += prefix >= 16 ? (1u << (prefix - 3)) - 4096 : 0;
        level_code += is_first ? 2 : 0;
        is_first = false;
        const uint32_t level = level_code / 2 + 1;
        suffix_length += suffix_length == 0;
        suffix_length += suffix_length < 6 && level > 3u << (suffix_length - 1);
    }
    return true;
}

/* Tables 9-7 to 9-9; -1: no such code. */
static int read_total_zeros(struct h264_rbsp *r, unsigned total_coeff, unsigned max_coeffs)
{
    const unsigned table =
        total_coeff - 1 + (max_coeffs == CHROMA_DC_COEFFS ? TOTAL_ZEROS_CHROMA_DC : 0);
    const unsigned code =
        read_code(r, h264_total_zeros[0], TOTAL_ZEROS_BITS, &h264_total_zeros_first[table]);
    return total_coeff + code <= max_coeffs ? (int)code : -1;
}

/* Table 9-10 */
static unsigned read_run_before(struct h264_rbsp *r, unsigned zeros_left)
{
    const unsigned bits = h264_rbsp_peek(r, 3);
    if (zeros_left <= 6) {
        const unsigned code = h264_run_before[zeros_left - 1][bits];
        h264_rbsp_skip(r, code & 15);
        return code >> 4;
    }
    if (bits > 0) {
        h264_rbsp_skip(r, 3);
        return 7 - bits;
    }
    const unsigned n_zeros = h264_rbsp_zeros(r, COEFFS_MAX);
    h264_rbsp_skip(r, n_zeros + 1);
    return n_zeros + 4;
}

static bool skip_runs(struct h264_rbsp *r, unsigned total_coeff, unsigned zeros_left)
{
    for (unsigned i = 1; i < total_coeff && zeros_left > 0; i++) {
        const unsigned run = read_run_before(r, zeros_left);
        if (run > zeros_left) {
            return false;
        }
        zeros_left -= run;
    }
    return true;
}

int h264_cavlc_residual(struct h264_rbsp *r, int nc, unsigned max_coeffs)
{
    struct coeff_token token;
    if (!read_coeff_token(r, nc, &token) || token.total_coeff > max_coeffs) {
        return -1;
    }
    if (token.total_coeff == 0) {
        return 0;
    }
    h264_rbsp_u(r, token.trailing_ones); /* trailing_ones_sign_flag */
    if (!skip_levels(r, token)) {
        return -1;
    }
    if (token.total_coeff < max_coeffs) {
        const int total_zeros = read_total_zeros(r, token.total_coeff, max_coeffs);
        if (total_zeros < 0 || !skip_runs(r, token.total_coeff, (unsigned)total_zeros)) {
            return -1;
        }
    }
    return (int)token.total_coeff;
}

int h264_cavlc_coded_block_pattern(struct h264_rbsp *r, bool is_intra, bool has_chroma)
{
    const uint32_t code = h264_rbsp_ue(r);
    if (code >= (has_chroma ? 48 : 16)) {
        return -1;
    }
    return has_chroma ? h264_coded_block_pattern[!is_intra][code]
                      : h264_coded_block_pattern_luma[!is_intra][code];
}
