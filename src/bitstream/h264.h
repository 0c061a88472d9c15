/*
 * H.264 bitstreams: everything of this folder that deals with NAL units.
 *
 * h264_nal     NAL units of Annex B bytes, emulation prevention
 * h264_sps     sequence parameter sets, their rewrite to "no reordering"
 * h264_pps     picture parameter sets
 * h264_slice   first fields of slice headers, first slice of a picture
 * h264_slice_data  whether a slice is whole, by its macroblocks; made of h264_slice_header,
 *              h264_macroblock, h264_mb_elements, h264_cabac, h264_cavlc and h264_rbsp
 * h264_sets    the parameter sets of a stream by id
 * h264_order   whether pictures are output in another order than sent
 * h264_config  codec string and avcC of a track's parameter sets
 * h264_normal  one access unit from anywhere -> packet as media/packet.h wants it, and its track
 *
 * Spec: ITU-T H.264 (08/2021), cited by its sections.
 */
#ifndef AVOCET_BITSTREAM_H264_H
#define AVOCET_BITSTREAM_H264_H

#include "bitstream/h264_config.h"
#include "bitstream/h264_nal.h"
#include "bitstream/h264_normal.h"
#include "bitstream/h264_order.h"
#include "bitstream/h264_pps.h"
#include "bitstream/h264_sets.h"
#include "bitstream/h264_slice.h"
#include "bitstream/h264_sps.h"

#endif
