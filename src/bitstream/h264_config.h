/*
 * What containers and signalling need of a track's parameter sets (Annex B, as in struct track).
 *
 * Ownership: h264_config_avcc() gives a new buffer.
 * Thread:    any; no shared state.
 * Errors:    -EBADMSG no SPS or no PPS or one that cannot be read, -ENOMEM.
 * Spec:      RFC 6381 §3.3 (codec string), ISO/IEC 14496-15 §5.3.3 (AVCDecoderConfigurationRecord).
 */
#ifndef AVOCET_BITSTREAM_H264_CONFIG_H
#define AVOCET_BITSTREAM_H264_CONFIG_H

#include "media/track.h"

/*
 * Fill codec, size, codec_string, rate (when the SPS has one, else it stays) and parameter_sets
 * (a new buffer in normal form: four-byte start codes, SPS and PPS only) from Annex B bytes that
 * hold them, such as an encoder's header. bitrate_bps stays.
 */
int h264_config_track(struct bytes annexb, struct track *track);

/* The contents of an avcC box. */
int h264_config_avcc(struct bytes parameter_sets, struct buf **out);

/* "avc1.42c01f" of an SPS NAL unit of at least 4 bytes. */
void h264_config_codec_string(struct bytes sps_nal, char out[TRACK_CODEC_STRING_SIZE]);

/* Sample aspect of the first SPS; num 0 unknown. */
struct rational h264_config_sample_aspect(struct bytes parameter_sets);

#endif
