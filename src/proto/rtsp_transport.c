#include "proto/rtsp_transport.h"

#include "proto/rtsp.h"

/* "8000-8001", or the first alone: the second is the next one. */
static bool read_pair(struct bytes value, uint32_t max, uint32_t out[2])
{
    const struct bytes first = rtsp_split(&value, '-');
    if (rtsp_number(first, max, &out[0]) < 0) {
        return false;
    }
    if (value.size == 0) {
        out[1] = out[0] + 1;
        return out[1] <= max;
    }
    return rtsp_number(value, max, &out[1]) == 0 && out[1] != out[0];
}

static bool read_ports(struct bytes value, struct rtsp_transport *out)
{
    uint32_t pair[2];
    if (!read_pair(value, UINT16_MAX, pair) || pair[0] == 0 || pair[1] == 0) {
        return false;
    }
    out->has_ports = true;
    out->ports[0] = (uint16_t)pair[0];
    out->ports[1] = (uint16_t)pair[1];
    return true;
}

static bool read_channels(struct bytes value, struct rtsp_transport *out)
{
    uint32_t pair[2];
    if (!read_pair(value, UINT8_MAX, pair)) {
        return false;
    }
    out->has_channels = true;
    out->channels[0] = (uint8_t)pair[0];
    out->channels[1] = (uint8_t)pair[1];
    return true;
}

static struct bytes unquoted(struct bytes value)
{
    const bool is_quoted =
        value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    return is_quoted ? bytes_of(value.data + 1, value.size - 2) : value;
}

static bool read_ttl(struct bytes value, struct rtsp_transport *out)
{
    uint32_t ttl;
    const bool is_ttl = rtsp_number(value, UINT8_MAX, &ttl) == 0;
    out->ttl = is_ttl ? (uint8_t)ttl : out->ttl;
    return is_ttl;
}

/* False: with this nothing can be done. */
static bool read_parameter(struct bytes value, struct rtsp_transport *out)
{
    const struct bytes name = rtsp_trim(rtsp_split(&value, '='));
    value = unquoted(rtsp_trim(value));
    if (rtsp_is_word(name, "multicast")) {
        out->carrier = RTSP_OVER_MULTICAST;
        return true;
    }
    if (rtsp_is_word(name, "client_port") || rtsp_is_word(name, "port")) {
        return read_ports(value, out);
    }
    if (rtsp_is_word(name, "interleaved")) {
        return read_channels(value, out);
    }
    if (rtsp_is_word(name, "ttl")) {
        return read_ttl(value, out);
    }
    if (rtsp_is_word(name, "mode")) {
        return rtsp_is_word(value, "PLAY");
    }
    out->has_destination = out->has_destination || rtsp_is_word(name, "destination");
    return true;
}

static bool read_protocol(struct bytes word, struct rtsp_transport *out)
{
    out->carrier = rtsp_is_word(word, "RTP/AVP/TCP") ? RTSP_OVER_TCP : RTSP_OVER_UDP;
    return out->carrier == RTSP_OVER_TCP || rtsp_is_word(word, "RTP/AVP") ||
           rtsp_is_word(word, "RTP/AVP/UDP");
}

static bool read_wish(struct bytes spec, struct rtsp_transport *out)
{
    *out = (struct rtsp_transport){0};
    if (!read_protocol(rtsp_trim(rtsp_split(&spec, ';')), out)) {
        return false;
    }
    const bool is_tcp = out->carrier == RTSP_OVER_TCP;
    while (spec.size > 0) {
        if (!read_parameter(rtsp_split(&spec, ';'), out)) {
            return false;
        }
    }
    return !is_tcp || out->carrier == RTSP_OVER_TCP;
}

bool rtsp_transport_next(struct bytes *list, struct rtsp_transport *out)
{
    while (list->size > 0) {
        if (read_wish(rtsp_split(list, ','), out)) {
            return true;
        }
    }
    return false;
}

void rtsp_transport_write_tcp(struct text *out, const uint8_t channels[2])
{
    text_printf(out, "RTP/AVP/TCP;unicast;interleaved=%u-%u", channels[0], channels[1]);
}

void rtsp_transport_write_udp(struct text *out, const uint16_t client_ports[2],
                              const uint16_t server_ports[2], uint32_t ssrc)
{
    text_printf(out, "RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u;ssrc=%08X",
                client_ports[0], client_ports[1], server_ports[0], server_ports[1], ssrc);
}

void rtsp_transport_write_multicast(struct text *out, const char *group, uint16_t port, uint8_t ttl)
{
    text_printf(out, "RTP/AVP;multicast;destination=%s;port=%u-%u;ttl=%u", group, port, port + 1u,
                ttl);
}
