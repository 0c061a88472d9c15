/*
 * A bare x264 encoder of test pictures, for its memory: what our process adds to this is ours.
 *
 * usage: x264_bare SECONDS WIDTHxHEIGHT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x264.h>

#include "base/option.h"
#include "base/time.h"

int main(int argc, char **argv)
{
    struct picture_size size;
    x264_param_t param;
    if (argc != 3 || option_parse_size(argv[2], &size) < 0) {
        fprintf(stderr, "usage: x264_bare SECONDS WIDTHxHEIGHT\n");
        return 2;
    }
    x264_param_default_preset(&param, "superfast", "zerolatency");
    param.i_width = size.width;
    param.i_height = size.height;
    param.i_threads = 1;
    param.i_csp = X264_CSP_I420;
    param.i_log_level = X264_LOG_NONE;
    param.rc.i_rc_method = X264_RC_ABR;
    param.rc.i_bitrate = 4000;
    param.rc.i_vbv_max_bitrate = 4000;
    param.rc.i_vbv_buffer_size = 266;
    x264_param_apply_profile(&param, "baseline");
    x264_t *encoder = x264_encoder_open(&param);
    x264_picture_t in;
    x264_picture_t out;
    x264_picture_alloc(&in, X264_CSP_I420, size.width, size.height);
    printf("ready\n");
    fflush(stdout);
    const int64_t end_ns = time_monotonic_ns() + atoi(argv[1]) * NS_PER_S;
    for (int64_t n = 0; time_monotonic_ns() < end_ns; n++) {
        x264_nal_t *nals;
        int n_nals;
        memset(in.img.plane[0], (int)(n & 255), (size_t)in.img.i_stride[0] * (size_t)size.height);
        in.i_pts = n;
        x264_encoder_encode(encoder, &nals, &n_nals, &in, &out);
        usleep(33000);
    }
    x264_picture_clean(&in);
    x264_encoder_close(encoder);
    return 0;
}
