/*
 * What an output sends where, as SDP: for /NAME/stream.sdp.
 *
 * Ownership: embedded in its output; listed in the sinks' environment from add to remove.
 * Thread:    loop only.
 * Errors:    of write: -EAGAIN, the receiver's address or the picture's format is not known yet.
 */
#ifndef AVOCET_SINK_ANNOUNCEMENT_H
#define AVOCET_SINK_ANNOUNCEMENT_H

#include "proto/sdp_announce.h"
#include "sink/datagram.h"

struct announcement {
    struct list link; /* sink_env::announcements */
    const struct datagram_output *output;
    enum sdp_announce_media media;
    uint64_t id;
};

/* id: of the session, a new one each time. */
void announcement_add(struct announcement *a, const struct sink_env *env,
                      const struct datagram_output *output, enum sdp_announce_media media);
/* Copes with a zeroed struct. */
void announcement_remove(struct announcement *a);
int announcement_write(const struct announcement *a, struct text *out);

#endif
