/* The init segment: ftyp, and a moov without samples. */
#include <errno.h>

#include "mux/mp4_box.h"
#include "mux/mp4_segment.h"

enum {
    TIMESCALE = 90000,
    BOXES_SIZE_MAX = 1024,  /* all of it but avcC's contents */
    FIXED_ONE = 0x00010000, /* 16.16 */
    RESOLUTION_72_DPI = 0x00480000,
    LANGUAGE_UND = 0x55c4,
    TKHD_ENABLED_IN_MOVIE = 3,
    DREF_SELF_CONTAINED = 1,
};

static void write_ftyp(struct byte_writer *w)
{
    const size_t ftyp = mp4_box_begin(w, "ftyp");
    byte_writer_bytes(w, bytes_of_text("iso6")); /* major_brand */
    byte_writer_u32(w, 0);
    byte_writer_bytes(w, bytes_of_text("iso6avc1mp41"));
    mp4_box_end(w, ftyp);
}

static void write_matrix(struct byte_writer *w)
{
    static const uint32_t unity[] = {FIXED_ONE, 0, 0, 0, FIXED_ONE, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < sizeof(unity) / sizeof(unity[0]); i++) {
        byte_writer_u32(w, unity[i]);
    }
}

static void write_mvhd(struct byte_writer *w)
{
    const size_t mvhd = mp4_box_begin_full(w, "mvhd", 0, 0);
    byte_writer_zeros(w, 8); /* creation_time, modification_time */
    byte_writer_u32(w, TIMESCALE);
    byte_writer_u32(w, 0); /* duration: fragments follow */
    byte_writer_u32(w, FIXED_ONE);
    byte_writer_u16(w, 0x0100); /* volume */
    byte_writer_zeros(w, 10);
    write_matrix(w);
    byte_writer_zeros(w, 24); /* pre_defined */
    byte_writer_u32(w, MP4_TRACK_ID + 1);
    mp4_box_end(w, mvhd);
}

static void write_tkhd(const struct mp4_segment *s, struct byte_writer *w)
{
    const size_t tkhd = mp4_box_begin_full(w, "tkhd", 0, TKHD_ENABLED_IN_MOVIE);
    byte_writer_zeros(w, 8); /* creation_time, modification_time */
    byte_writer_u32(w, MP4_TRACK_ID);
    byte_writer_zeros(w, 20); /* reserved, duration, reserved, layer, alternate_group */
    byte_writer_zeros(w, 4);  /* volume, reserved */
    write_matrix(w);
    byte_writer_u32(w, (uint32_t)s->size.width << 16);
    byte_writer_u32(w, (uint32_t)s->size.height << 16);
    mp4_box_end(w, tkhd);
}

static void write_pasp(const struct mp4_segment *s, struct byte_writer *w)
{
    if (s->sample_aspect.num <= 0 || s->sample_aspect.num == s->sample_aspect.den) {
        return;
    }
    const size_t pasp = mp4_box_begin(w, "pasp");
    byte_writer_u32(w, (uint32_t)s->sample_aspect.num);
    byte_writer_u32(w, (uint32_t)s->sample_aspect.den);
    mp4_box_end(w, pasp);
}

static void write_stsd(const struct mp4_segment *s, struct byte_writer *w)
{
    const size_t stsd = mp4_box_begin_full(w, "stsd", 0, 0);
    byte_writer_u32(w, 1); /* entry_count */
    const size_t avc1 = mp4_box_begin(w, "avc1");
    byte_writer_zeros(w, 6);
    byte_writer_u16(w, 1); /* data_reference_index */
    byte_writer_zeros(w, 16);
    byte_writer_u16(w, (uint16_t)s->size.width);
    byte_writer_u16(w, (uint16_t)s->size.height);
    byte_writer_u32(w, RESOLUTION_72_DPI);
    byte_writer_u32(w, RESOLUTION_72_DPI);
    byte_writer_u32(w, 0);
    byte_writer_u16(w, 1);    /* frame_count */
    byte_writer_zeros(w, 32); /* compressorname */
    byte_writer_u16(w, 0x18); /* depth */
    byte_writer_u16(w, UINT16_MAX);
    const size_t avcc = mp4_box_begin(w, "avcC");
    byte_writer_bytes(w, buf_bytes(s->avcc));
    mp4_box_end(w, avcc);
    write_pasp(s, w);
    mp4_box_end(w, avc1);
    mp4_box_end(w, stsd);
}

/* stts, stsc, stco: a version, flags and a count of nothing; stsz has one number more. */
static void write_empty_tables(struct byte_writer *w)
{
    static const char tables[][5] = {"stts", "stsc", "stsz", "stco"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const size_t table = mp4_box_begin_full(w, tables[i], 0, 0);
        byte_writer_zeros(w, tables[i][3] == 'z' ? 8 : 4);
        mp4_box_end(w, table);
    }
}

static void write_minf(const struct mp4_segment *s, struct byte_writer *w)
{
    const size_t minf = mp4_box_begin(w, "minf");
    const size_t vmhd = mp4_box_begin_full(w, "vmhd", 0, 1);
    byte_writer_zeros(w, 8); /* graphicsmode, opcolor */
    mp4_box_end(w, vmhd);
    const size_t dinf = mp4_box_begin(w, "dinf");
    const size_t dref = mp4_box_begin_full(w, "dref", 0, 0);
    byte_writer_u32(w, 1); /* entry_count */
    mp4_box_end(w, mp4_box_begin_full(w, "url ", 0, DREF_SELF_CONTAINED));
    mp4_box_end(w, dref);
    mp4_box_end(w, dinf);
    const size_t stbl = mp4_box_begin(w, "stbl");
    write_stsd(s, w);
    write_empty_tables(w);
    mp4_box_end(w, stbl);
    mp4_box_end(w, minf);
}

static void write_mdia(const struct mp4_segment *s, struct byte_writer *w)
{
    const size_t mdia = mp4_box_begin(w, "mdia");
    const size_t mdhd = mp4_box_begin_full(w, "mdhd", 0, 0);
    byte_writer_zeros(w, 8); /* creation_time, modification_time */
    byte_writer_u32(w, TIMESCALE);
    byte_writer_u32(w, 0); /* duration */
    byte_writer_u16(w, LANGUAGE_UND);
    byte_writer_u16(w, 0);
    mp4_box_end(w, mdhd);
    const size_t hdlr = mp4_box_begin_full(w, "hdlr", 0, 0);
    byte_writer_u32(w, 0); /* pre_defined */
    byte_writer_bytes(w, bytes_of_text("vide"));
    byte_writer_zeros(w, 12);
    byte_writer_bytes(w, bytes_of("video", sizeof("video"))); /* name, with its NUL */
    mp4_box_end(w, hdlr);
    write_minf(s, w);
    mp4_box_end(w, mdia);
}

static void write_mvex(struct byte_writer *w)
{
    const size_t mvex = mp4_box_begin(w, "mvex");
    const size_t trex = mp4_box_begin_full(w, "trex", 0, 0);
    byte_writer_u32(w, MP4_TRACK_ID);
    byte_writer_u32(w, 1);    /* default_sample_description_index */
    byte_writer_zeros(w, 12); /* default duration, size, flags: each fragment has its own */
    mp4_box_end(w, trex);
    mp4_box_end(w, mvex);
}

int mp4_segment_create_init(const struct mp4_segment *s, struct buf **out)
{
    struct buf *b = buf_create(BOXES_SIZE_MAX + s->avcc->size);
    if (!b) {
        return -ENOMEM;
    }
    struct byte_writer w;
    byte_writer_init(&w, b->data, b->capacity);
    write_ftyp(&w);
    const size_t moov = mp4_box_begin(&w, "moov");
    write_mvhd(&w);
    const size_t trak = mp4_box_begin(&w, "trak");
    write_tkhd(s, &w);
    write_mdia(s, &w);
    mp4_box_end(&w, trak);
    write_mvex(&w);
    mp4_box_end(&w, moov);
    b->size = byte_writer_size(&w);
    *out = b;
    return 0;
}
