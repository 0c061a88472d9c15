/* H.264 decoder in the helper program avocet-ffmpeg; see helper/helper_protocol.h. */
#ifndef AVOCET_CODEC_FFMPEG_H
#define AVOCET_CODEC_FFMPEG_H

#include "codec/codec.h"

extern const struct decoder_type decoder_ffmpeg;

#endif
