#include "sink/announcement.h"

#include <errno.h>

#include "proto/sap.h"

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
    const bool has_ttl = to->sa.sa_family == AF_INET && address_is_multicast(to);
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

/* ---- SAP ---- */

static void send_sap(struct announcement *a, bool is_deletion)
{
    uint8_t bytes[SAP_SIZE_MAX];
    struct byte_writer w;
    struct text sdp = {0};
    struct address local;
    struct endpoint origin;
    byte_writer_init(&w, bytes, sizeof(bytes));
    if (udp_sender_local(&a->output->sender, &local) &&
        endpoint_from_sockaddr(&local.sa, &origin) == 0 && announcement_write(a, &sdp) == 0) {
        sap_write(&w, is_deletion, &origin, text_bytes(&sdp));
        if (!w.error && udp_sender_send(&a->sender, bytes_of(bytes, byte_writer_size(&w))) == 0) {
            a->is_announced = true;
        }
    }
    text_finish(&sdp);
}

static void on_sender_open(struct udp_sender *s)
{
    struct announcement *a = list_entry(s, struct announcement, sender);
    send_sap(a, false);
}

/* The group is known when that of the stream is. */
static void open_sender(struct announcement *a)
{
    const struct udp_sender *stream = &a->output->sender;
    struct endpoint session;
    struct endpoint group;
    struct sockaddr_storage address;
    char sentence[UDP_SENDER_SENTENCE_SIZE];
    if (endpoint_from_sockaddr(&stream->to.sa, &session) < 0) {
        return;
    }
    sap_find_group(&session, &group);
    endpoint_to_sockaddr(&group, &address);
    address_format((const struct sockaddr *)&address, a->group, sizeof(a->group));
    struct udp_sender_config config = stream->given;
    config.location = a->group;
    config.has_upper = false;
    config.on_open = on_sender_open;
    (void)udp_sender_open(&a->sender, stream->loop, &config, sentence, sizeof(sentence));
}

static void on_time(struct loop_timer *t)
{
    struct announcement *a = list_entry(t, struct announcement, timer);
    const struct udp_sender *stream = &a->output->sender;
    if (udp_sender_is_open(stream) && !address_is_multicast(&stream->to)) {
        return; /* whom it concerns knows */
    }
    if (udp_sender_is_open(&a->sender)) {
        send_sap(a, false);
    } else if (udp_sender_is_open(stream) && !a->sender.config) {
        open_sender(a);
    }
    loop_timer_start(t, a->is_announced ? ANNOUNCEMENT_INTERVAL_NS : NS_PER_S);
}

/* ---- */

void announcement_add(struct announcement *a, const struct sink_env *env,
                      const struct datagram_output *output, enum sdp_announce_media media,
                      bool has_sap)
{
    *a = (struct announcement){
        .output = output,
        .media = media,
        .id = time_real_to_ntp(time_real_ns()), /* as RFC 8866 §5.2 recommends */
    };
    list_append(env->announcements, &a->link);
    loop_timer_init(&a->timer, env->loop, on_time);
    if (has_sap) {
        loop_timer_start(&a->timer, 0);
    }
}

void announcement_remove(struct announcement *a)
{
    if (!a->output) {
        return;
    }
    if (a->is_announced) {
        send_sap(a, true);
    }
    loop_timer_finish(&a->timer);
    udp_sender_close(&a->sender);
    list_remove(&a->link);
    a->output = NULL;
}
