#include "proto/sdp_player.h"

#include <inttypes.h>
#include <openssl/evp.h>

#include "bitstream/h264_nal.h"

enum { NAL_SIZE_MAX = 1024, BASE64_SIZE_MAX = (NAL_SIZE_MAX + 2) / 3 * 4 + 1 };

void sdp_player_write_session(struct text *out, const char *name, uint64_t session_id,
                              const char *address)
{
    const char *version = strchr(address, ':') ? "IP6" : "IP4";
    text_printf(out,
                "v=0\r\no=- %" PRIu64 " 1 IN %s %s\r\ns=%s\r\nc=IN %s %s\r\nt=0 0\r\n"
                "a=tool:Avocet\r\na=range:npt=now-\r\na=control:*\r\n",
                session_id & INT64_MAX, version, strchr(address, ':') ? "::1" : "127.0.0.1", name,
                version, address);
}

static void append_base64(struct text *out, struct bytes nal)
{
    unsigned char text[BASE64_SIZE_MAX];
    if (nal.size <= NAL_SIZE_MAX) {
        EVP_EncodeBlock(text, nal.data, (int)nal.size);
        text_append(out, (const char *)text);
    }
}

/* RFC 6184 §8.1: profile_idc, constraint flags and level_idc lie behind the SPS's header byte. */
static void write_parameter_sets(struct text *out, struct bytes sets)
{
    struct h264_nal_iterator it;
    struct bytes nal;
    for (h264_nal_begin(&it, sets); h264_nal_next(&it, &nal);) {
        if (h264_nal_type(nal) == H264_NAL_SPS && nal.size >= 4) {
            text_printf(out, ";profile-level-id=%02X%02X%02X", nal.data[1], nal.data[2],
                        nal.data[3]);
            break;
        }
    }
    const char *separator = ";sprop-parameter-sets=";
    for (h264_nal_begin(&it, sets); h264_nal_next(&it, &nal); separator = ",") {
        text_append(out, separator);
        append_base64(out, nal);
    }
}

void sdp_player_write_h264(struct text *out, const struct sdp_player_track *t)
{
    const struct track *track = t->track;
    text_printf(out, "m=video %u RTP/AVP %u\r\n", t->port, t->payload_type);
    if (track->bitrate_bps > 0) {
        text_printf(out, "b=AS:%" PRId64 "\r\n", (track->bitrate_bps + 999) / 1000);
    }
    text_printf(out, "a=rtpmap:%u H264/90000\r\na=fmtp:%u packetization-mode=1", t->payload_type,
                t->payload_type);
    write_parameter_sets(out, buf_bytes(track->parameter_sets));
    text_append(out, "\r\n");
    if (track->rate.num > 0 && track->rate.den > 0) {
        text_printf(out, "a=framerate:%g\r\n", (double)track->rate.num / track->rate.den);
    }
    if (t->control) {
        text_printf(out, "a=control:%s\r\n", t->control);
    }
}
