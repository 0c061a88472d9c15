/*
 * What an output sends where, as SDP: for /NAME/stream.sdp, and by SAP for those who look around
 * which multicast there is. SAP goes to the well-known group of the scope, by the same interface
 * and as many hops as the stream, and once more when the output ends.
 *
 * Ownership: embedded in its output; listed in the sinks' environment from add to remove.
 * Thread:    loop only.
 * Errors:    of write: -EAGAIN, the receiver's address or the picture's format is not known yet.
 */
#ifndef AVOCET_SINK_ANNOUNCEMENT_H
#define AVOCET_SINK_ANNOUNCEMENT_H

#include "proto/sdp_announce.h"
#include "sink/datagram.h"

/* Far more often than RFC 2974 §3.1 wants it, as VLC and FFmpeg do: who looks around sees it soon.
 */
#define ANNOUNCEMENT_INTERVAL_NS (5 * NS_PER_S)

struct announcement {
    struct list link; /* sink_env::announcements */
    const struct datagram_output *output;
    enum sdp_announce_media media;
    uint64_t id;
    /* SAP */
    struct udp_sender sender;
    struct loop_timer timer;
    char group[ADDRESS_TEXT_SIZE];
    bool is_announced;
};

/* The output is open. has_sap: announce it if it is multicast. */
void announcement_add(struct announcement *a, const struct sink_env *env,
                      const struct datagram_output *output, enum sdp_announce_media media,
                      bool has_sap);
/* Before the output closes. Copes with a zeroed struct. */
void announcement_remove(struct announcement *a);
int announcement_write(const struct announcement *a, struct text *out);

#endif
