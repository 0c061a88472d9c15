/* H.264 decoder in the helper program avocet-ffmpeg; see helper_protocol.h. */
#ifndef AVOCET_CODEC_FFMPEG_H
#define AVOCET_CODEC_FFMPEG_H

#include "codec/codec.h"

extern const struct decoder_type decoder_ffmpeg;

/* Path of the helper program: in $AVOCET_HELPER_DIR, else beside our own program, else where it was
 * installed; false: not there. */
bool ffmpeg_helper_path(char *out, size_t size);

#endif
