#include "proto/sdp_rtp.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "proto/sdp.h"
#include "proto/sdp_words.h"

enum { START_CODE_SIZE = 4, PACKETIZATION_MODE_MAX = 1 /* 2 is interleaved */ };

static bool append_set(struct sdp_rtp *out, struct bytes base64)
{
    uint8_t *at = out->sets + out->sets_size;
    const size_t room = sizeof(out->sets) - out->sets_size;
    size_t n_padding = 0;
    while (n_padding < 2 && base64.size > n_padding &&
           base64.data[base64.size - 1 - n_padding] == '=') {
        n_padding++;
    }
    if (base64.size == 0 || base64.size % 4 != 0 || START_CODE_SIZE + base64.size / 4 * 3 > room) {
        return false;
    }
    memcpy(at, "\0\0\0\1", START_CODE_SIZE);
    const int n = EVP_DecodeBlock(at + START_CODE_SIZE, base64.data, (int)base64.size);
    if (n <= (int)n_padding) {
        return false;
    }
    out->sets_size += START_CODE_SIZE + (size_t)n - n_padding;
    return true;
}

static int read_codec(const struct sdp_codec *codec, struct sdp_rtp *out, const char **why)
{
    struct sdp_h264 h264;
    out->payload_type = codec->payload_type;
    out->is_ts = codec->payload_type == SDP_RTP_PAYLOAD_TYPE_TS || sdp_is_text(codec->name, "MP2T");
    if (out->is_ts) {
        return 0;
    }
    if (!sdp_read_h264(codec, &h264)) {
        return -ENOTSUP;
    }
    if (h264.packetization_mode > PACKETIZATION_MODE_MAX) {
        *why = "packetization-mode=2 (interleaved) is not received, send with 1";
        return -ENOTSUP;
    }
    struct bytes sets = sdp_fmtp_value(codec->fmtp, "sprop-parameter-sets");
    while (sets.size > 0) {
        if (!append_set(out, sdp_trim(sdp_cut(&sets, ',')))) {
            *why = "its sprop-parameter-sets cannot be read";
            return -EBADMSG;
        }
    }
    return 0;
}

static int read_video(const struct sdp *sdp, struct sdp_rtp *out, const char **why)
{
    int result = -ENOTSUP;
    *why = "there is neither H.264 nor MPEG-TS in it";
    for (unsigned i = 0; i < sdp->n_media && result == -ENOTSUP; i++) {
        const struct sdp_media *m = &sdp->media[i];
        for (unsigned k = 0; sdp_is_text(m->kind, "video") && k < m->n_codecs; k++) {
            result = read_codec(&m->codecs[k], out, why);
            if (result != -ENOTSUP) {
                break;
            }
        }
    }
    return result;
}

int sdp_rtp_read(struct bytes text, struct sdp_rtp *out, const char **why)
{
    struct sdp *sdp = malloc(sizeof(*sdp));
    *out = (struct sdp_rtp){0};
    *why = "it is no session description (SDP)";
    int result = sdp ? sdp_parse(text, sdp) : -ENOMEM;
    if (result == 0) {
        result = read_video(sdp, out, why);
    }
    free(sdp);
    return result;
}
