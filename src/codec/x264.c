#include "codec/x264.h"

#include <errno.h>
#include <stdio.h>
#include <x264.h>

#include "base/bytes.h"
#include "bitstream/h264_config.h"
#include "codec/convert.h"

enum {
    /* Browsers ask for level 3.1; up to its limits (table A-1) a smaller one gains nothing, and
     * the bitrate can grow while running. */
    LEVEL_MIN = 31,
    LEVEL_MIN_MACROBLOCKS = 3600,
    LEVEL_MIN_MACROBLOCKS_PER_S = 108000,
    /* Above 51 x264 blurs everything away to save its VBV, and for seconds: a keyframe of three
     * frames' time is better than no picture. */
    QP_MAX = 51,
    QP_MIN = 16,      /* below it nobody sees what the bits are spent on */
    COLOUR_BT601 = 6, /* table E-3 to E-5: SMPTE 170M */
};

static const char default_preset[] = "superfast";

struct x264_encoder {
    x264_t *x264;
    x264_param_t param;
    int vbv_frames;
    struct track track;
    struct picture *scratch; /* I420 for pictures of other formats; NULL until needed */
    const struct log *log;
    int64_t frame;
};

static void on_x264_message(void *arg, int level, const char *format, va_list args)
{
    char line[200];
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    log_write(level <= X264_LOG_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, arg, "x264: %s", line);
}

static int kilo(int64_t bps)
{
    return (int)(bps < 1000 ? 1 : (bps + 999) / 1000);
}

/* The buffer holds vbv_frames frames of the mean rate: no frame can clog the link for longer. */
static void set_rate(x264_param_t *p, int64_t bitrate_bps, int vbv_frames)
{
    const int64_t buffer_bits =
        time_rescale(bitrate_bps, (int64_t)p->i_fps_den * vbv_frames, p->i_fps_num);
    p->rc.i_rc_method = X264_RC_ABR;
    p->rc.i_qp_max = QP_MAX;
    p->rc.i_qp_min = QP_MIN;
    p->rc.i_bitrate = kilo(bitrate_bps);
    p->rc.i_vbv_max_bitrate = p->rc.i_bitrate;
    p->rc.i_vbv_buffer_size = kilo(buffer_bits);
}

static int keyframe_interval(const struct encoder_params *params)
{
    if (params->keyframe_ns <= 0) {
        return X264_KEYINT_MAX_INFINITE;
    }
    const int64_t n =
        time_rescale(params->keyframe_ns, params->rate.num, NS_PER_S * params->rate.den);
    return n < 1 ? 1 : n > 100000 ? X264_KEYINT_MAX_INFINITE : (int)n;
}

static void set_level(x264_param_t *p)
{
    const int64_t n_macroblocks = (int64_t)((p->i_width + 15) / 16) * ((p->i_height + 15) / 16);
    if (n_macroblocks <= LEVEL_MIN_MACROBLOCKS &&
        n_macroblocks * p->i_fps_num <= (int64_t)LEVEL_MIN_MACROBLOCKS_PER_S * p->i_fps_den) {
        p->i_level_idc = LEVEL_MIN;
    } /* else x264 chooses */
}

static void set_zero_delay(x264_param_t *p)
{
    p->i_threads = 1;
    p->b_sliced_threads = 0;
    p->b_deterministic = 1;
    p->i_bframe = 0;
    p->i_sync_lookahead = 0;
    p->rc.i_lookahead = 0;
    p->rc.b_mb_tree = 0;
    p->i_scenecut_threshold = 0; /* a keyframe when asked, not when x264 likes one */
    p->b_vfr_input = 0;
    p->i_frame_reference = 1;
}

static void set_bitstream(x264_param_t *p)
{
    p->b_annexb = 0;         /* four bytes of length, which become start codes */
    p->b_repeat_headers = 0; /* we send our copy */
    p->b_aud = 0;
    p->vui.i_colorprim = COLOUR_BT601;
    p->vui.i_transfer = COLOUR_BT601;
    p->vui.i_colmatrix = COLOUR_BT601;
    p->vui.b_fullrange = 0;
}

/* x264 itself writes to stderr about an unknown one. */
static bool is_preset(const char *name)
{
    for (int i = 0; x264_preset_names[i]; i++) {
        if (strcmp(x264_preset_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int fill_param(struct x264_encoder *e, const struct encoder_params *params,
                      struct option_error *error)
{
    x264_param_t *p = &e->param;
    const char *preset = params->preset ? params->preset : default_preset;
    if (!is_preset(preset) || x264_param_default_preset(p, preset, "zerolatency") < 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "x264: there is no preset '%.40s', use ultrafast, superfast, veryfast or faster",
                 preset);
        return -EINVAL;
    }
    p->i_width = params->size.width;
    p->i_height = params->size.height;
    p->i_csp = X264_CSP_I420;
    p->i_fps_num = (uint32_t)params->rate.num;
    p->i_fps_den = (uint32_t)params->rate.den;
    p->i_log_level = X264_LOG_WARNING;
    p->pf_log = on_x264_message;
    p->p_log_private = (void *)(uintptr_t)params->log;
    p->i_keyint_max = keyframe_interval(params);
    p->b_intra_refresh = params->intra_refresh;
    p->i_slice_max_size = (int)params->slice_max_size_bytes;
    set_zero_delay(p);
    set_bitstream(p);
    set_level(p);
    set_rate(p, params->bitrate_bps, params->vbv_frames);
    return x264_param_apply_profile(p, "baseline") < 0 ? -EINVAL : 0;
}

/* x264's header (which has an SEI too) becomes the track; its sets go before each IDR. */
static int fill_track(struct x264_encoder *e, const struct encoder_params *params)
{
    x264_nal_t *nals = NULL;
    int n_nals = 0;
    const int size = x264_encoder_headers(e->x264, &nals, &n_nals);
    if (size < 0) {
        return -ENOMEM;
    }
    for (int i = 0; i < n_nals; i++) { /* their payloads follow each other */
        bytes_put_u32(nals[i].p_payload, 1);
    }
    const int result = h264_config_track(bytes_of(nals[0].p_payload, (size_t)size), &e->track);
    e->track.rate = params->rate;
    e->track.bitrate_bps = params->bitrate_bps;
    return result;
}

static int x264_type_open(void *state, const struct encoder_params *params,
                          struct option_error *error)
{
    struct x264_encoder *e = state;
    *e = (struct x264_encoder){.log = params->log, .vbv_frames = params->vbv_frames};
    int result = fill_param(e, params, error);
    if (result < 0) {
        return result;
    }
    e->x264 = x264_encoder_open(&e->param);
    if (!e->x264) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "x264: refuses %dx%d at %d/%d frames per second with %lld bit/s",
                 params->size.width, params->size.height, params->rate.num, params->rate.den,
                 (long long)params->bitrate_bps);
        return -EINVAL;
    }
    x264_encoder_parameters(e->x264, &e->param);
    result = fill_track(e, params);
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence), "x264: no header, %s",
                 strerror(-result));
    }
    return result;
}

static const struct track *x264_type_track(const void *state)
{
    return &((const struct x264_encoder *)state)->track;
}

static void use_planes(x264_picture_t *out, const struct picture *p, int csp, int n_planes)
{
    out->img.i_csp = csp;
    out->img.i_plane = n_planes;
    for (int i = 0; i < n_planes; i++) {
        out->img.plane[i] = (uint8_t *)(uintptr_t)p->planes[i];
        out->img.i_stride[i] = p->strides[i];
    }
}

/* x264 takes I420 and NV12 of limited range as they are; anything else is converted first. */
static int fill_picture(struct x264_encoder *e, const struct picture *picture, x264_picture_t *out)
{
    x264_picture_init(out);
    if (!picture->full_range && picture->format == PIXEL_NV12) {
        use_planes(out, picture, X264_CSP_NV12, 2);
        return 0;
    }
    if (!picture->full_range && picture->format == PIXEL_I420) {
        use_planes(out, picture, X264_CSP_I420, 3);
        return 0;
    }
    if (!e->scratch) {
        e->scratch = picture_create(PIXEL_I420, picture->size);
    }
    if (!e->scratch) {
        return -ENOMEM;
    }
    use_planes(out, e->scratch, X264_CSP_I420, 3);
    convert_to_i420(picture, out->img.plane, out->img.i_stride, false);
    return 0;
}

/* Of what x264 made only slices are wanted, and the SEI that says where intra refresh begins. */
static bool is_wanted(const struct x264_encoder *e, const x264_nal_t *nal)
{
    return nal->i_type == NAL_SLICE || nal->i_type == NAL_SLICE_IDR ||
           (nal->i_type == NAL_SEI && e->param.b_intra_refresh);
}

static struct packet *make_packet(const struct x264_encoder *e, const x264_nal_t *nals, int n_nals,
                                  int size, bool is_idr)
{
    const struct bytes sets = buf_bytes(e->track.parameter_sets);
    struct packet *packet = packet_create((size_t)size + (is_idr ? sets.size : 0));
    if (!packet) {
        return NULL;
    }
    if (is_idr) {
        memcpy(packet->data, sets.data, sets.size);
        packet->size = sets.size;
        packet->flags = PACKET_KEY;
    }
    for (int i = 0; i < n_nals; i++) {
        if (is_wanted(e, &nals[i])) {
            memcpy(packet->data + packet->size, nals[i].p_payload, (size_t)nals[i].i_payload);
            bytes_put_u32(packet->data + packet->size, 1);
            packet->size += (size_t)nals[i].i_payload;
        }
    }
    return packet;
}

static int encode_failed(struct option_error *error, int code)
{
    snprintf(error->sentence, sizeof(error->sentence), "x264: encoding failed, %s",
             strerror(-code));
    return code;
}

static int x264_type_encode(void *state, struct picture *picture, bool force_key,
                            struct packet **out, struct option_error *error)
{
    struct x264_encoder *e = state;
    x264_picture_t in;
    x264_picture_t done;
    x264_nal_t *nals = NULL;
    int n_nals = 0;
    if (picture->size.width != e->param.i_width || picture->size.height != e->param.i_height) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "x264: a picture of %dx%d came to an encoder of %dx%d", picture->size.width,
                 picture->size.height, e->param.i_width, e->param.i_height);
        return -EINVAL;
    }
    if (fill_picture(e, picture, &in) < 0) {
        return encode_failed(error, -ENOMEM);
    }
    in.i_pts = e->frame++;
    in.i_type = force_key ? X264_TYPE_IDR : X264_TYPE_AUTO;
    const int size = x264_encoder_encode(e->x264, &nals, &n_nals, &in, &done);
    if (size <= 0) {
        return encode_failed(error, size < 0 ? -EIO : -EAGAIN);
    }
    struct packet *packet = make_packet(e, nals, n_nals, size, done.i_type == X264_TYPE_IDR);
    if (!packet) {
        return encode_failed(error, -ENOMEM);
    }
    packet->capture_ns = picture->capture_ns;
    packet->arrival_ns = picture->arrival_ns;
    packet->pts_ns = picture->pts_ns;
    packet->encoded_ns = time_monotonic_ns();
    packet->flags |= picture->flags & PACKET_DISCONTINUITY;
    *out = packet;
    return 0;
}

static int x264_type_set_bitrate(void *state, int64_t bitrate_bps)
{
    struct x264_encoder *e = state;
    x264_param_t param = e->param;
    set_rate(&param, bitrate_bps, e->vbv_frames);
    if (x264_encoder_reconfig(e->x264, &param) < 0) {
        return -EINVAL;
    }
    e->param = param;
    e->track.bitrate_bps = bitrate_bps;
    return 0;
}

static void x264_type_close(void *state)
{
    struct x264_encoder *e = state;
    if (e->x264) {
        x264_encoder_close(e->x264);
        e->x264 = NULL;
    }
    picture_unref(&e->scratch);
    track_finish(&e->track);
}

const struct encoder_type encoder_x264 = {
    .name = "x264",
    .summary = "H.264 in software by libx264",
    .makes = ENCODING_H264,
    .formats = CONVERT_FORMATS,
    .can = PRODUCER_CAN_KEYFRAME | PRODUCER_CAN_BITRATE,
    .state_size = sizeof(struct x264_encoder),
    .open = x264_type_open,
    .track = x264_type_track,
    .encode = x264_type_encode,
    .set_bitrate = x264_type_set_bitrate,
    .close = x264_type_close,
};
