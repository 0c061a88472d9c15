#include "app/registry.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <wslay/wslay.h>
#include <yaml.h>

#include "base/text.h"
#include "net/http_library.h"
#include "app/features.h"
#include "codec/v4l2_m2m.h"
#include "sink/http_stream.h"
#include "sink/mjpg_streamer.h"
#include "sink/snapshot.h"
#include "sink/tcp_listen.h"
#include "sink/whep.h"
#include "sink/ws.h"
#include "source/file.h"
#include "source/pipe.h"
#include "source/rpicam.h"
#include "source/tcp.h"
#include "source/tcp_listen.h"
#include "source/test.h"
#include "source/udp.h"
#include "source/v4l2.h"
#if HAVE_X264
#include "codec/x264.h"
#endif
#if HAVE_JPEG
#include "codec/jpeg.h"
#include "codec/jpeg_scale.h"
#endif
#if HAVE_HELPER
#include "codec/ffmpeg.h"
#endif
#if HAVE_INPUT_HELPER
#include "source/any_file.h"
#include "source/input.h"
#endif
#if HAVE_HLS
#include "sink/hls.h"
#endif
#if HAVE_RTSP
#include "sink/rtsp.h"
#endif
#if HAVE_DATAGRAMS
#include "source/rtp.h"
#include "sink/rtp.h"
#include "sink/stream_sdp.h"
#include "sink/udp.h"
#endif

const struct source_type *const registry_sources[] = {
    &source_test,
    &source_v4l2,
    &source_rpicam,
    &source_pipe,
#if HAVE_INPUT_HELPER
    &source_any_file,
#else
    &source_file,
#endif
    &source_tcp,
    &source_tcp_listen,
    &source_udp,
#if HAVE_DATAGRAMS
    &source_rtp,
#endif
#if HAVE_INPUT_HELPER
    &source_rtsp,
    &source_rtsps,
    &source_rtmp,
    &source_rtmps,
    &source_srt,
    &source_http,
    &source_https,
#endif
    NULL,
};

const struct encoder_type *const registry_encoders[] = {
    &encoder_v4l2_m2m,
#if HAVE_X264
    &encoder_x264,
#endif
#if HAVE_JPEG
    &encoder_jpeg,
#endif
    NULL,
};

const struct decoder_type *const registry_decoders[] = {
#if HAVE_JPEG
    &decoder_jpeg,
#endif
#if HAVE_HELPER
    &decoder_ffmpeg,
#endif
    NULL,
};

const struct sink_type *const registry_sinks[] = {
    &sink_whep,
    &sink_ws,
    &sink_http_stream,
    &sink_snapshot,
    &sink_mjpg_streamer,
#if HAVE_HLS
    &sink_hls,
#endif
#if HAVE_RTSP
    &sink_rtsp,
#endif
#if HAVE_DATAGRAMS
    &sink_stream_sdp,
#endif
    NULL,
};

const struct output_type *const registry_outputs[] = {
    &output_tcp_listen,
#if HAVE_DATAGRAMS
    &output_udp,
    &output_rtp,
#endif
    NULL,
};

int (*const registry_scale_jpeg)(struct bytes jpeg, int width, int quality, struct buf **out) =
#if HAVE_JPEG
    jpeg_scale;
#else
    NULL;
#endif

const struct source_type *registry_find_source(const char *scheme)
{
    for (size_t i = 0; registry_sources[i]; i++) {
        if (strcmp(registry_sources[i]->scheme, scheme) == 0) {
            return registry_sources[i];
        }
    }
    return NULL;
}

const struct output_type *registry_find_output(const char *scheme)
{
    for (size_t i = 0; registry_outputs[i]; i++) {
        if (strcmp(registry_outputs[i]->scheme, scheme) == 0) {
            return registry_outputs[i];
        }
    }
    return NULL;
}

bool registry_has_server(const char *name)
{
    for (size_t i = 0; registry_sinks[i]; i++) {
        const char *server = registry_sinks[i]->server;
        if (server && strcmp(server, name) == 0) {
            return true;
        }
    }
    return false;
}

bool registry_has_encoder(const char *name)
{
    for (size_t i = 0; registry_encoders[i]; i++) {
        const struct encoder_type *type = registry_encoders[i];
        if (type->makes == ENCODING_H264 && strcmp(type->name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool registry_first_camera(char *url, size_t size)
{
    return v4l2_first_camera(url, size);
}

void registry_describe_libraries(struct text *out)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    yaml_get_version(&major, &minor, &patch);
    text_printf(out, "  libevent %s\n", event_get_version());
    text_printf(out, "  %s\n", OpenSSL_version(OPENSSL_VERSION));
    text_printf(out, "  jansson %s\n", jansson_version_str());
    text_printf(out, "  libyaml %d.%d.%d\n", major, minor, patch);
    text_printf(out, "  %s\n", http_library_name());
    text_printf(out, "  wslay %s\n", WSLAY_VERSION);
#if HAVE_X264
    text_printf(out, "  libx264 %s\n", LIBX264_VERSION);
#endif
#if HAVE_JPEG
    text_printf(out, "  libjpeg-turbo %s\n", LIBJPEG_TURBO_VERSION_TEXT);
#endif
}
