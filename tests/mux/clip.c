#include "clip.h"

#include <stdlib.h>

#include "bitstream/access_unit.h"
#include "sample.h"

static void add_packet(struct clip *c, struct packet *p)
{
    p->capture_ns = CLIP_CAPTURE_NS + c->n_packets * CLIP_FRAME_NS;
    p->pts_ns = CLIP_PTS_NS + c->n_packets * CLIP_FRAME_NS;
    c->packets[c->n_packets++] = p;
}

void clip_init(struct clip *c, const char *sample_name)
{
    *c = (struct clip){0};
    struct buf *stream = sample_read(sample_name);
    struct access_unit a;
    struct packet *p;
    access_unit_init(&a);
    if (access_unit_push(&a, buf_bytes(stream), 0) < 0) {
        abort();
    }
    while (access_unit_pull(&a, &p) == 0) {
        add_packet(c, p);
    }
    if (access_unit_flush_end(&a, &p) == 0) {
        add_packet(c, p);
    }
    track_copy(&c->track, &a.normal.track);
    access_unit_finish(&a);
    buf_unref(&stream);
}

void clip_finish(struct clip *c)
{
    for (unsigned i = 0; i < c->n_packets; i++) {
        packet_unref(&c->packets[i]);
    }
    track_finish(&c->track);
}

struct packet *clip_packet(const void *data, size_t size, unsigned flags)
{
    struct packet *p = packet_create(size);
    if (size > 0) {
        memcpy(p->data, data, size);
    }
    p->size = size;
    p->flags = flags;
    p->capture_ns = CLIP_CAPTURE_NS;
    p->pts_ns = CLIP_PTS_NS;
    return p;
}

void *clip_open(const struct mux_type *type, const struct track *track)
{
    void *state = calloc(1, type->state_size + 1);
    if (!state || type->open(state, track) < 0) {
        abort();
    }
    return state;
}

void clip_close(const struct mux_type *type, void *state)
{
    type->close(state);
    free(state);
}
