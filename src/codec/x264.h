/* H.264 by libx264, without any delay: constrained baseline, a packet for each picture. */
#ifndef AVOCET_CODEC_X264_H
#define AVOCET_CODEC_X264_H

#include "codec/codec.h"

extern const struct encoder_type encoder_x264;

#endif
