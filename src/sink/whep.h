/*
 * WHEP: WebRTC viewers by one HTTP POST each.
 *
 *   POST   /NAME/whep      offer ▶ 201, answer, Location: /NAME/whep/ID
 *   DELETE /NAME/whep/ID   ▶ 200, also when it ended by itself a moment ago
 *
 * Query: mode=drive|watch|smooth. The answer names the profile of the stream's own SPS; where it is
 * not known yet (a stream that never ran), the stream is woken and waited for, at most
 * WHEP_TRACK_WAIT_NS.
 *
 * Spec: draft-ietf-wish-whep-03 §4; RFC 9725 §4.
 */
#ifndef AVOCET_SINK_WHEP_H
#define AVOCET_SINK_WHEP_H

#include "sink/sink.h"

#define WHEP_TRACK_WAIT_NS (2 * NS_PER_S)

extern const struct sink_type sink_whep;

#endif
