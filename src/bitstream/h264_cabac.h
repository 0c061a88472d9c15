/*
 * The arithmetic decoder of CABAC.
 *
 * As h264_rbsp it reads zero bits behind the end, at most as many as the caller's macroblock has
 * bins, and the caller goes back to a copy then.
 *
 * Ownership: as h264_rbsp.
 * Thread:    one owner.
 * Spec:      H.264 §9.3.1 (initialisation), §9.3.3.2 (decoding), §9.3.3.1.3 (coefficients).
 */
#ifndef AVOCET_BITSTREAM_H264_CABAC_H
#define AVOCET_BITSTREAM_H264_CABAC_H

#include "bitstream/h264_cabac_tables.h"
#include "bitstream/h264_rbsp.h"

struct h264_cabac_engine {
    uint32_t range;  /* codIRange */
    uint32_t value;  /* codIOffset, then n_extra bits that are read ahead */
    int32_t n_extra; /* 0 to 15 between calls */
};

struct h264_cabac {
    struct h264_rbsp in;
    struct h264_cabac_engine engine;
    int32_t n_padding;               /* of n_extra, the last ones, behind the end */
    uint8_t contexts[H264_CONTEXTS]; /* pStateIdx << 1 | valMPS */
};

/* init_idc 0: I slices, else cabac_init_idc + 1. */
void h264_cabac_init_contexts(struct h264_cabac *c, unsigned init_idc, int qp);
/* From a byte on, at the beginning of slice data and behind I_PCM samples. */
void h264_cabac_start(struct h264_cabac *c);

unsigned h264_cabac_decision(struct h264_cabac *c, unsigned context);
unsigned h264_cabac_bypass(struct h264_cabac *c);
/* A one ends the slice data or is followed by I_PCM samples. */
unsigned h264_cabac_terminate(struct h264_cabac *c);
/* Behind such a one: to the next byte, and past so many. */
void h264_cabac_skip_bytes(struct h264_cabac *c, unsigned n_bytes);
/* Behind such a one: only rbsp_trailing_bits() and cabac_zero_words are left. */
bool h264_cabac_is_at_end(const struct h264_cabac *c);

/* residual_block_cabac() of ctxBlockCat 0 to 5 behind its coded_block_flag. */
void h264_cabac_residual(struct h264_cabac *c, unsigned ctx_block_cat, unsigned max_coeffs);

static inline bool h264_cabac_is_overrun(const struct h264_cabac *c)
{
    return c->engine.n_extra < c->n_padding;
}

/* Not while overrun. */
static inline void h264_cabac_drop_padding(struct h264_cabac *c)
{
    c->engine.value >>= c->n_padding;
    c->engine.n_extra -= c->n_padding;
    c->n_padding = 0;
}

#endif
