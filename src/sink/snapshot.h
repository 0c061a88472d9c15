/* The newest picture: /NAME/snapshot.jpg. */
#ifndef AVOCET_SINK_SNAPSHOT_H
#define AVOCET_SINK_SNAPSHOT_H

#include "sink/sink.h"

extern const struct sink_type sink_snapshot;

#endif
