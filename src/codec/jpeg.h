/*
 * JPEG both ways by libjpeg-turbo, from planes and to planes, never by RGB.
 *
 * The decoder takes what cameras send: any subsampling and grey, baseline or progressive, without
 * Huffman tables (UVC cameras leave the standard ones out), with stray bytes between segments. What
 * lacks an end or holds nonsense is -EBADMSG, and the next picture is decoded as if nothing was.
 */
#ifndef AVOCET_CODEC_JPEG_H
#define AVOCET_CODEC_JPEG_H

#include "codec/codec.h"

extern const struct encoder_type encoder_jpeg;
extern const struct decoder_type decoder_jpeg;

#endif
