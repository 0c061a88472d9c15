#include "mux/ts_psi.h"

enum {
    PROGRAM_NUMBER = 1,
    TRANSPORT_STREAM_ID = 1,
    CRC_SIZE = 4,
    LENGTH_END = 3,        /* bytes before those that section_length counts */
    LENGTH_FLAGS = 0xb000, /* section_syntax_indicator, reserved bits */
    VERSION_0_CURRENT = 0xc1,
    RESERVED_3 = 0xe000, /* before a PID */
    RESERVED_4 = 0xf000, /* before a length of descriptors */
    PROGRAM_SIZE_MAX = TS_PACKET_SIZE - 4,
};

static const uint32_t polynomial = 0x04c11db7;

uint32_t ts_psi_crc(struct bytes in)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < in.size; i++) {
        crc ^= (uint32_t)in.data[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x80000000u) ? crc << 1 ^ polynomial : crc << 1;
        }
    }
    return crc;
}

/* What both tables begin with, behind the pointer_field. */
static void begin_section(struct byte_writer *w, uint8_t table_id, uint16_t id)
{
    byte_writer_u8(w, 0); /* pointer_field */
    byte_writer_u8(w, table_id);
    byte_writer_u16(w, 0); /* section_length, see end_section() */
    byte_writer_u16(w, id);
    byte_writer_u8(w, VERSION_0_CURRENT);
    byte_writer_u8(w, 0); /* section_number */
    byte_writer_u8(w, 0); /* last_section_number */
}

static void end_section(struct byte_writer *section, struct byte_writer *w, struct ts_pid *pid)
{
    static const struct ts_adaptation no_adaptation = {.clock = TIME_NONE};
    const size_t size = byte_writer_size(section) - 1 + CRC_SIZE;
    uint8_t *table = section->start + 1;
    bytes_put_u16(table + 1, (uint16_t)(LENGTH_FLAGS | (size - LENGTH_END)));
    byte_writer_u32(section, ts_psi_crc(bytes_of(table, size - CRC_SIZE)));
    struct ts_payload payload = {.head = bytes_of(section->start, byte_writer_size(section))};
    ts_packet_write(w, pid, true, &no_adaptation, &payload);
}

void ts_psi_write_pat(struct byte_writer *w, struct ts_pid *pat, uint16_t pmt_pid)
{
    uint8_t bytes[PROGRAM_SIZE_MAX];
    struct byte_writer section;
    byte_writer_init(&section, bytes, sizeof(bytes));
    begin_section(&section, TS_TABLE_PAT, TRANSPORT_STREAM_ID);
    byte_writer_u16(&section, PROGRAM_NUMBER);
    byte_writer_u16(&section, RESERVED_3 | pmt_pid);
    end_section(&section, w, pat);
}

void ts_psi_write_pmt(struct byte_writer *w, struct ts_pid *pmt, const struct ts_program *program)
{
    uint8_t bytes[PROGRAM_SIZE_MAX];
    struct byte_writer section;
    byte_writer_init(&section, bytes, sizeof(bytes));
    begin_section(&section, TS_TABLE_PMT, PROGRAM_NUMBER);
    byte_writer_u16(&section, RESERVED_3 | program->clock_pid);
    byte_writer_u16(&section, RESERVED_4); /* program_info_length 0 */
    for (unsigned i = 0; i < program->n_streams; i++) {
        byte_writer_u8(&section, (uint8_t)program->streams[i].type);
        byte_writer_u16(&section, RESERVED_3 | program->streams[i].pid);
        byte_writer_u16(&section, RESERVED_4); /* ES_info_length 0 */
    }
    end_section(&section, w, pmt);
}
