/*
 * Shared memory for pictures: HELPER_SLOTS of them, each lent to avocet by a PICTURE message until
 * its RELEASE.
 */
#ifndef AVOCET_HELPERS_SLOTS_H
#define AVOCET_HELPERS_SLOTS_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stddef.h>

#include "helper/helper_protocol.h"

enum { SLOTS_SIDE_MAX = 8192 };

struct slots {
    uint8_t *memory; /* HELPER_SLOTS × slot_size */
    size_t slot_size;
    int fd; /* of the current generation */
    uint32_t generation;
    bool is_fd_sent;
    bool is_lent[HELPER_SLOTS];
};

void slots_init(struct slots *s);
/* What a picture of that size and format needs, and a free slot for it: 0; 1 when none is free;
 * -1 without memory. Fills the PICTURE message, whose planes are then to be filled and sent. */
int slots_take(struct slots *s, enum AVPixelFormat format, int width, int height,
               struct helper_message *m);
/* Of a taken slot. */
void slots_planes(const struct slots *s, const struct helper_message *m, uint8_t *planes[4],
                  int strides[4]);
bool slots_send(struct slots *s, struct helper_message *m);
void slots_release(struct slots *s, const struct helper_message *m);

/* enum pixel_format; -1: none of ours. */
int slots_pixel_format(enum AVPixelFormat format, bool *is_full_range);

#endif
