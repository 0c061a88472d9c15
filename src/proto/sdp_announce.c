#include "proto/sdp_announce.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/sdp_player.h"

static const char *version_of(const char *ip)
{
    return strchr(ip, ':') ? "IP6" : "IP4";
}

static void write_session(struct text *out, const struct sdp_announce *a)
{
    char ttl[16] = "";
    if (a->ttl > 0) {
        snprintf(ttl, sizeof(ttl), "/%u", a->ttl);
    }
    text_printf(out,
                "v=0\r\no=- %" PRIu64 " 1 IN %s %s\r\ns=%s\r\nc=IN %s %s%s\r\nt=0 0\r\n"
                "a=tool:Avocet\r\na=recvonly\r\n",
                a->id & INT64_MAX, version_of(a->origin), a->origin, a->name,
                version_of(a->destination), a->destination, ttl);
}

void sdp_announce_write(struct text *out, const struct sdp_announce *a)
{
    write_session(out, a);
    if (a->media == SDP_ANNOUNCE_RTP_H264) {
        const struct sdp_player_track track = {
            .track = a->track,
            .payload_type = SDP_ANNOUNCE_PAYLOAD_H264,
            .port = a->port,
        };
        sdp_player_write_h264(out, &track);
        return;
    }
    text_printf(out, "m=video %u %s %d\r\na=rtpmap:%d MP2T/90000\r\n", a->port,
                a->media == SDP_ANNOUNCE_UDP_TS ? "udp" : "RTP/AVP", SDP_ANNOUNCE_PAYLOAD_TS,
                SDP_ANNOUNCE_PAYLOAD_TS);
}
