#include "input_open.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <string.h>

/*
 * Demuxers of video that people have. Others, such as those that open what a text file names, are
 * more code before hostile bytes than they are worth.
 */
#define FORMATS_OF_FILES                                                                           \
    "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,h264,hevc,m4v,ivf,obu,av1,ogg,asf,mxf,nut,mjpeg,"  \
    "dv"
#define FORMATS_OF_NETWORKS                                                                        \
    FORMATS_OF_FILES ",live_flv,mpjpeg,hls,aac,ac3,eac3,mp3,webvtt" /* HLS has these beside it */

#define LIVE_ANALYZE_US "1000000"
#define LIVE_PROBE      "1000000"

enum { PROFILE_AT = 1 /* behind the header of an SPS */ };

/*
 * What an input may open in its turn: playlists, redirections and session descriptions say
 * addresses. Never a file from a network, nor a network from a file.
 */
struct scheme {
    const char *prefix;
    const char *protocols;
    const char *formats;
};

static const struct scheme *find_scheme(const char *url)
{
    static const struct scheme schemes[] = {
        {"rtsp://", "rtp,udp,tcp", "rtsp"},
        {"rtsps://", "rtp,udp,tcp,tls", "rtsp"},
        {"rtmp://", "rtmp,tcp", FORMATS_OF_NETWORKS},
        {"rtmps://", "rtmps,tls,tcp", FORMATS_OF_NETWORKS},
        {"srt://", "srt,udp", FORMATS_OF_NETWORKS},
        {"http://", "http,https,httpproxy,tls,tcp,crypto", FORMATS_OF_NETWORKS},
        {"https://", "https,httpproxy,tls,tcp,crypto", FORMATS_OF_NETWORKS},
        {"file:", "file", FORMATS_OF_FILES},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

static bool is_file(const struct input *in)
{
    return strncmp(in->request.url, "file:", 5) == 0;
}

static bool is_format(const struct input *in, const char *name)
{
    return strcmp(in->format->iformat->name, name) == 0;
}

/* Unknown ones are left over, and freed by the caller. */
static void set_options(const struct input *in, const struct scheme *scheme, AVDictionary **o)
{
    av_dict_set(o, "protocol_whitelist", scheme->protocols, 0);
    av_dict_set(o, "format_whitelist", scheme->formats, 0);
    if (strstr(scheme->protocols, "tls")) {
        av_dict_set(o, "tls_verify", in->request.is_tls_loose ? "0" : "1", 0);
        av_dict_set(o, "ca_file", "/etc/ssl/certs/ca-certificates.crt", 0);
    }
    if (is_file(in)) {
        return;
    }
    av_dict_set(o, "probesize", LIVE_PROBE, 0);
    av_dict_set(o, "analyzeduration", LIVE_ANALYZE_US, 0);
    av_dict_set(o, "fpsprobesize", "0", 0);
    av_dict_set(o, "icy", "0", 0);
    if (strcmp(scheme->formats, "rtsp") == 0) {
        av_dict_set(o, "rtsp_transport", in->request.is_udp ? "udp" : "tcp", 0);
        av_dict_set(o, "allowed_media_types", "video", 0);
        av_dict_set(o, "max_delay", "100000", 0); /* µs to wait for a lost datagram */
    }
}

/* Nothing else is asked for, decoded, or waited for. */
static int find_video(struct input *in)
{
    const int index = av_find_best_stream(in->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0) {
        return AVERROR_STREAM_NOT_FOUND;
    }
    for (unsigned i = 0; i < in->format->nb_streams; i++) {
        in->format->streams[i]->discard = (int)i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    in->stream = in->format->streams[index];
    return 0;
}

/* §7.3.2.1.1: 110 and above have more than 8-bit 4:2:0. 0: it says none. */
static int profile_of(const AVCodecParameters *p)
{
    if (p->extradata_size > PROFILE_AT && p->extradata[0] == 1) {
        return p->extradata[PROFILE_AT]; /* avcC */
    }
    for (int i = 0; i + 4 < p->extradata_size; i++) {
        const uint8_t *b = p->extradata + i;
        if (b[0] == 0 && b[1] == 0 && b[2] == 1 && (b[3] & 0x1f) == 7) {
            return b[3 + PROFILE_AT];
        }
    }
    return 0;
}

/* Browsers show one order of pictures, and 8-bit 4:2:0. */
static bool can_be_passed_on(const AVCodecParameters *p)
{
    return p->codec_id == AV_CODEC_ID_H264 && p->video_delay == 0 && profile_of(p) <= 100;
}

/*
 * H.264 that comes with borders between its access units, or with times that show them, needs no
 * parser: libavformat's knows a picture's end only when the next one begins.
 */
static bool needs_no_parser(struct input *in)
{
    return !in->request.must_decode && (is_format(in, "rtsp") || is_format(in, "mpegts")) &&
           !is_file(in) && find_video(in) == 0 && can_be_passed_on(in->stream->codecpar);
}

static enum input_way way_of(const struct input *in, bool is_parsed)
{
    const AVCodecParameters *p = in->stream->codecpar;
    if (in->request.must_decode) {
        return INPUT_DECODED;
    }
    if (can_be_passed_on(p)) {
        return !is_parsed && is_format(in, "rtsp") ? INPUT_H264_BYTES : INPUT_H264;
    }
    return p->codec_id == AV_CODEC_ID_MJPEG ? INPUT_JPEG : INPUT_DECODED;
}

static int open_annexb(struct input *in)
{
    const AVBitStreamFilter *filter = av_bsf_get_by_name("h264_mp4toannexb");
    int result = filter ? av_bsf_alloc(filter, &in->annexb) : AVERROR_BSF_NOT_FOUND;
    if (result == 0) {
        result = avcodec_parameters_copy(in->annexb->par_in, in->stream->codecpar);
    }
    if (result >= 0) {
        in->annexb->time_base_in = in->stream->time_base;
        result = av_bsf_init(in->annexb);
    }
    return result;
}

/* A network's file is known by its length; HLS comes in bursts. What is live paces itself. */
static bool is_paced(const struct input *in)
{
    AVIOContext *bytes = in->format->pb;
    return is_file(in) || is_format(in, "hls") || (bytes && avio_size(bytes) > 0);
}

static int open_streams(struct input *in)
{
    const bool is_bare = needs_no_parser(in);
    if (!is_bare) {
        in->format->flags &= ~(AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN);
        const int result = avformat_find_stream_info(in->format, NULL);
        if (result < 0) {
            return result;
        }
    }
    const int result = find_video(in);
    if (result < 0) {
        return result;
    }
    in->is_paced = is_paced(in);
    in->has_times = in->is_paced || (in->format->iformat->flags & AVFMT_NOTIMESTAMPS) == 0;
    in->way = way_of(in, !is_bare);
    return in->way == INPUT_H264 ? open_annexb(in) : 0;
}

int input_open_format(struct input *in)
{
    const struct scheme *scheme = find_scheme(in->request.url);
    AVDictionary *options = NULL;
    if (!scheme) {
        avformat_close_input(&in->format);
        return AVERROR_PROTOCOL_NOT_FOUND;
    }
    set_options(in, scheme, &options);
    in->format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    const int result = avformat_open_input(&in->format, in->request.url, NULL, &options);
    av_dict_free(&options);
    return result < 0 ? result : open_streams(in);
}
