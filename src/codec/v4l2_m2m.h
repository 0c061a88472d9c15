/*
 * H.264 by the board's encoder chip: any V4L2 stateful memory-to-memory encoder (Raspberry Pi Zero
 * to 4, i.MX, Qualcomm, Rockchip, MediaTek).
 *
 * encode() waits for what the chip makes of the picture. At open a black picture is encoded: its
 * parameter sets are the track's, and a chip that refuses is found out before it is relied on.
 */
#ifndef AVOCET_CODEC_V4L2_M2M_H
#define AVOCET_CODEC_V4L2_M2M_H

#include "codec/codec.h"

extern const struct encoder_type encoder_v4l2_m2m;

#endif
