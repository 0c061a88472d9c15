/*
 * The Transport header: a player's wishes, one after the other, and what it gets.
 *
 * Thread: any; no shared state.
 * Errors: writers: the text's sticky error.
 * Spec:   RFC 2326 §12.39.
 */
#ifndef AVOCET_PROTO_RTSP_TRANSPORT_H
#define AVOCET_PROTO_RTSP_TRANSPORT_H

#include "base/text.h"

enum rtsp_carrier { RTSP_OVER_UDP, RTSP_OVER_TCP, RTSP_OVER_MULTICAST };

struct rtsp_transport {
    enum rtsp_carrier carrier;
    bool has_channels;
    uint8_t channels[2]; /* RTP, RTCP */
    bool has_ports;      /* the client's; of the group with RTSP_OVER_MULTICAST */
    uint16_t ports[2];
    bool has_destination; /* another address is asked for: never sent to */
    uint8_t ttl;          /* of multicast; 0: not said */
};

/* The next wish that can be read and is of a kind that we know; false: there is none left. */
bool rtsp_transport_next(struct bytes *list, struct rtsp_transport *out);

/* ---- answers: the header's value ---- */

void rtsp_transport_write_tcp(struct text *out, const uint8_t channels[2]);
void rtsp_transport_write_udp(struct text *out, const uint16_t client_ports[2],
                              const uint16_t server_ports[2], uint32_t ssrc);
/* RTCP goes to the next port. */
void rtsp_transport_write_multicast(struct text *out, const char *group, uint16_t port,
                                    uint8_t ttl);

#endif
