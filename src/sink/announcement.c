#include "sink/announcement.h"

#include <errno.h>

void announcement_add(struct announcement *a, const struct sink_env *env,
                      const struct datagram_output *output, enum sdp_announce_media media)
{
    *a = (struct announcement){
        .output = output,
        .media = media,
        .id = time_real_to_ntp(time_real_ns()), /* as RFC 8866 §5.2 recommends */
    };
    list_append(env->announcements, &a->link);
}

void announcement_remove(struct announcement *a)
{
    if (a->output) {
        list_remove(&a->link);
        a->output = NULL;
    }
}

int announcement_write(const struct announcement *a, struct text *out)
{
    const struct datagram_output *d = a->output;
    const struct track *track = stream_track(d->stream, ENCODING_H264);
    char origin[ADDRESS_TEXT_SIZE];
    char destination[ADDRESS_TEXT_SIZE];
    struct address local;
    if (!udp_sender_local(&d->sender, &local) || track->codec != CODEC_H264) {
        return -EAGAIN;
    }
    const struct address *to = &d->sender.to;
    const bool has_ttl = to->sa.sa_family == AF_INET && udp_sender_is_multicast(to);
    address_format_ip(&local.sa, origin, sizeof(origin));
    address_format_ip(&to->sa, destination, sizeof(destination));
    const struct sdp_announce sdp = {
        .media = a->media,
        .name = stream_name(d->stream),
        .id = a->id,
        .origin = origin,
        .destination = destination,
        .port = address_port(to),
        .ttl = has_ttl ? (unsigned)udp_sender_ttl(&d->sender) : 0,
        .track = track,
    };
    sdp_announce_write(out, &sdp);
    return out->error ? -ENOMEM : 0;
}
