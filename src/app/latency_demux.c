#include "app/latency_demux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum { PART_HEADER_MAX = 4096 };

static int set_boundary(struct latency_demux *d, const char *content_type)
{
    const char *at = strstr(content_type, "boundary=");
    if (!at) {
        return -ENOTSUP;
    }
    at += strlen("boundary=");
    at += *at == '"';
    size_t length = strcspn(at, "\"; ");
    if (length == 0 || length > sizeof(d->boundary) - 5) {
        return -ENOTSUP;
    }
    /* some servers write the dashes into the parameter too */
    const bool has_dashes = length > 2 && strncmp(at, "--", 2) == 0;
    snprintf(d->boundary, sizeof(d->boundary), "\r\n%s%.*s", has_dashes ? "" : "--", (int)length,
             at);
    return 0;
}

int latency_demux_init(struct latency_demux *d, const char *content_type)
{
    *d = (struct latency_demux){0};
    if (strncmp(content_type, "multipart/x-mixed-replace", 25) == 0) {
        d->format = FORMAT_MULTIPART;
        if (set_boundary(d, content_type) < 0) {
            return -ENOTSUP;
        }
    } else if (strncmp(content_type, "video/mp4", 9) == 0) {
        d->format = FORMAT_MP4;
        h264_normal_init(&d->normal);
    } else if (strncasecmp(content_type, "video/mp2t", 10) == 0) {
        d->format = FORMAT_TS;
        h264_normal_init(&d->normal);
        ts_reader_init(&d->ts);
    } else if (strncasecmp(content_type, "video/h264", 10) == 0 ||
               strncmp(content_type, "application/octet-stream", 24) == 0) {
        d->format = FORMAT_ANNEXB;
        access_unit_init(&d->access_unit);
    } else {
        return -ENOTSUP;
    }
    d->bytes = calloc(1, sizeof(*d->bytes));
    return d->bytes ? 0 : -ENOMEM;
}

void latency_demux_finish(struct latency_demux *d)
{
    if (d->format == FORMAT_ANNEXB) {
        access_unit_finish(&d->access_unit);
    } else if (d->format == FORMAT_MP4 || d->format == FORMAT_TS) {
        h264_normal_finish(&d->normal);
        ts_reader_finish(&d->ts);
    }
    if (d->bytes) {
        text_finish(d->bytes);
    }
    free(d->bytes);
    *d = (struct latency_demux){0};
}

enum codec latency_demux_codec(const struct latency_demux *d)
{
    return d->format == FORMAT_MULTIPART ? CODEC_MJPEG : CODEC_H264;
}

static struct bytes rest(const struct latency_demux *d)
{
    return bytes_of(d->bytes->data + d->used, d->bytes->size - d->used);
}

int latency_demux_push(struct latency_demux *d, struct bytes in, int64_t now_ns)
{
    if (d->format == FORMAT_ANNEXB) {
        return access_unit_push(&d->access_unit, in, now_ns);
    }
    if (d->format == FORMAT_TS) {
        return ts_reader_push(&d->ts, in);
    }
    if (d->used > 0) {
        const size_t left = d->bytes->size - d->used;
        memmove(d->bytes->data, d->bytes->data + d->used, left);
        d->bytes->size = left;
        d->used = 0;
    }
    if (d->bytes->size + in.size > 2 * (size_t)PACKET_SIZE_MAX) {
        return -EMSGSIZE;
    }
    text_append_bytes(d->bytes, in);
    return d->bytes->error ? -ENOMEM : 0;
}

static int packet_of(struct bytes in, int64_t now_ns, struct packet **out)
{
    struct packet *p = packet_create(in.size);
    if (!p) {
        return -ENOMEM;
    }
    memcpy(p->data, in.data, in.size);
    p->size = in.size;
    p->arrival_ns = p->encoded_ns = p->pts_ns = now_ns;
    p->flags = PACKET_KEY;
    *out = p;
    return 0;
}

/* Up to and behind the header of the next part. */
static int skip_part_header(struct latency_demux *d)
{
    const struct bytes in = rest(d);
    const uint8_t *boundary = memmem(in.data, in.size, d->boundary + 2, strlen(d->boundary) - 2);
    const uint8_t *end =
        boundary ? memmem(boundary, (size_t)(in.data + in.size - boundary), "\r\n\r\n", 4) : NULL;
    if (!end) {
        return in.size > PART_HEADER_MAX ? -EBADMSG : -EAGAIN;
    }
    d->used += (size_t)(end + 4 - in.data);
    d->is_in_part = true;
    return 0;
}

static int pull_part(struct latency_demux *d, int64_t now_ns, struct packet **out)
{
    if (!d->is_in_part) {
        const int result = skip_part_header(d);
        if (result < 0) {
            return result;
        }
    }
    const struct bytes in = rest(d);
    const uint8_t *end =
        in.size > 0 ? memmem(in.data, in.size, d->boundary, strlen(d->boundary)) : NULL;
    if (!end) {
        return in.size > PACKET_SIZE_MAX ? -EMSGSIZE : -EAGAIN;
    }
    const struct bytes part = bytes_of(in.data, (size_t)(end - in.data));
    const int result = packet_of(part, now_ns, out);
    d->used += part.size;
    d->is_in_part = false;
    return result;
}

/* AVCDecoderConfigurationRecord somewhere in moov: found by its box type. */
static void take_parameter_sets(struct latency_demux *d, struct bytes moov)
{
    const uint8_t *at = memmem(moov.data, moov.size, "avcC", 4);
    if (!at) {
        return;
    }
    struct byte_reader r;
    byte_reader_init(&r, bytes_of(at + 4, (size_t)(moov.data + moov.size - at - 4)));
    byte_reader_skip(&r, 5);
    for (int kind = 0; kind < 2; kind++) {
        const unsigned n_sets = byte_reader_u8(&r) & 0x1f;
        for (unsigned i = 0; i < n_sets && !r.error; i++) {
            const struct bytes nal = byte_reader_bytes(&r, byte_reader_u16(&r));
            if (nal.size > 0) {
                h264_normal_put_set(&d->normal, nal);
            }
        }
    }
}

static int make(struct latency_demux *d, struct bytes unit, int64_t now_ns, struct packet **out)
{
    const int result = h264_normal_make(&d->normal, unit, out);
    if (result == 0) {
        (*out)->arrival_ns = (*out)->encoded_ns = (*out)->pts_ns = now_ns;
    }
    return result;
}

/* mdat of one frame: NAL units with four-byte lengths become Annex B in place. */
static int take_sample(struct latency_demux *d, uint8_t *data, size_t size, int64_t now_ns,
                       struct packet **out)
{
    for (size_t at = 0; at + 4 <= size;) {
        const size_t nal_size = bytes_get_u32(data + at);
        if (nal_size > size - at - 4) {
            return -EBADMSG;
        }
        bytes_put_u32(data + at, 1);
        at += 4 + nal_size;
    }
    return make(d, bytes_of(data, size), now_ns, out);
}

static int pull_unit(struct latency_demux *d, int64_t now_ns, struct packet **out)
{
    struct ts_unit unit;
    int result = ts_reader_pull(&d->ts, &unit);
    while (result == 0) {
        if (unit.is_discontinuity) {
            h264_normal_mark_lost(&d->normal);
        }
        result = make(d, unit.bytes, now_ns, out);
        if (result != -EAGAIN && result != -EBADMSG) {
            return result;
        }
        result = ts_reader_pull(&d->ts, &unit);
    }
    return result;
}

static int pull_box(struct latency_demux *d, int64_t now_ns, struct packet **out)
{
    for (;;) {
        const struct bytes in = rest(d);
        if (in.size < 8) {
            return -EAGAIN;
        }
        const size_t size = bytes_get_u32(in.data);
        if (size < 8 || size > PACKET_SIZE_MAX) {
            return size < 8 ? -EBADMSG : -EMSGSIZE;
        }
        if (in.size < size) {
            return -EAGAIN;
        }
        uint8_t *box = (uint8_t *)d->bytes->data + d->used;
        d->used += size;
        if (memcmp(box + 4, "moov", 4) == 0) {
            take_parameter_sets(d, bytes_of(box, size));
        } else if (memcmp(box + 4, "mdat", 4) == 0) {
            const int result = take_sample(d, box + 8, size - 8, now_ns, out);
            if (result != -EAGAIN) {
                return result;
            }
        }
    }
}

int latency_demux_pull(struct latency_demux *d, int64_t now_ns, struct packet **out)
{
    switch (d->format) {
    case FORMAT_MULTIPART:
        return pull_part(d, now_ns, out);
    case FORMAT_ANNEXB:
        return access_unit_pull(&d->access_unit, out);
    case FORMAT_MP4:
        return pull_box(d, now_ns, out);
    case FORMAT_TS:
        return pull_unit(d, now_ns, out);
    }
    return -EBADMSG;
}
