#include "web/gunzip.h"

#include <errno.h>
#include <string.h>

enum {
    MAX_CODE_BITS = 15,
    MAX_LITERAL_CODES = 288,
    MAX_DISTANCE_CODES = 32,
    MAX_CODES = MAX_LITERAL_CODES + MAX_DISTANCE_CODES,
    N_LENGTH_CODES = 19,
    END_OF_BLOCK = 256,
    GZIP_HEADER_SIZE = 10,
    GZIP_TRAILER_SIZE = 8,
};

/* Reads bits from the lowest up; past the end it reads zeros and remembers that it failed. */
struct inflate {
    const uint8_t *in, *in_end;
    uint32_t hold;
    unsigned n_held;
    bool has_failed;
    uint8_t *out;
    size_t out_at, out_size;
};

/* Codes of one length are consecutive, so counts per length and symbols in order say it all. */
struct huffman {
    uint16_t count[MAX_CODE_BITS + 1];
    uint16_t symbol[MAX_LITERAL_CODES];
};

static unsigned read_bits(struct inflate *s, unsigned n)
{
    while (s->n_held < n) {
        s->has_failed |= s->in == s->in_end;
        s->hold |= (uint32_t)(s->in < s->in_end ? *s->in++ : 0) << s->n_held;
        s->n_held += 8;
    }
    const unsigned value = s->hold & ((1u << n) - 1);
    s->hold >>= n;
    s->n_held -= n;
    return value;
}

static void write_byte(struct inflate *s, uint8_t byte)
{
    if (s->out_at == s->out_size) {
        s->has_failed = true;
    } else {
        s->out[s->out_at++] = byte;
    }
}

/* §3.2.2: canonical codes from their lengths. */
static void build(struct huffman *h, const uint8_t *lengths, unsigned n)
{
    uint16_t offset[MAX_CODE_BITS + 2] = {0};
    memset(h, 0, sizeof(*h));
    for (unsigned i = 0; i < n; i++) {
        h->count[lengths[i]]++;
    }
    h->count[0] = 0;
    for (unsigned length = 1; length <= MAX_CODE_BITS; length++) {
        offset[length + 1] = offset[length] + h->count[length];
    }
    for (unsigned i = 0; i < n; i++) {
        if (lengths[i]) {
            h->symbol[offset[lengths[i]]++] = i;
        }
    }
}

static unsigned read_symbol(struct inflate *s, const struct huffman *h)
{
    int code = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= MAX_CODE_BITS; length++) {
        code |= (int)read_bits(s, 1);
        const int count = h->count[length];
        if (code - first < count) {
            return h->symbol[index + code - first];
        }
        index += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    s->has_failed = true;
    return END_OF_BLOCK;
}

/* §3.2.5 */
static const uint16_t length_base[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                       67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                       2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

static void copy_match(struct inflate *s, unsigned length_code, const struct huffman *distances)
{
    if (length_code >= sizeof(length_extra)) {
        s->has_failed = true;
        return;
    }
    unsigned length = length_base[length_code] + read_bits(s, length_extra[length_code]);
    const unsigned code = read_symbol(s, distances);
    if (code >= sizeof(distance_base) / sizeof(*distance_base)) {
        s->has_failed = true;
        return;
    }
    const size_t distance = distance_base[code] + read_bits(s, code < 4 ? 0 : code / 2 - 1);
    if (distance > s->out_at) {
        s->has_failed = true;
        return;
    }
    while (length-- > 0 && !s->has_failed) {
        write_byte(s, s->out[s->out_at - distance]);
    }
}

static void read_codes(struct inflate *s, const struct huffman *literals,
                       const struct huffman *distances)
{
    while (!s->has_failed) {
        const unsigned symbol = read_symbol(s, literals);
        if (symbol == END_OF_BLOCK) {
            return;
        }
        if (symbol < END_OF_BLOCK) {
            write_byte(s, symbol);
        } else {
            copy_match(s, symbol - END_OF_BLOCK - 1, distances);
        }
    }
}

/* §3.2.4 */
static void read_stored(struct inflate *s)
{
    s->hold = s->n_held = 0;
    const unsigned length = read_bits(s, 16);
    s->has_failed |= read_bits(s, 16) != (length ^ 0xffff);
    for (unsigned i = 0; i < length && !s->has_failed; i++) {
        write_byte(s, read_bits(s, 8));
    }
}

/* §3.2.6 */
static void read_fixed(struct inflate *s)
{
    uint8_t lengths[MAX_LITERAL_CODES];
    struct huffman literals, distances;
    for (unsigned i = 0; i < MAX_LITERAL_CODES; i++) {
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    }
    build(&literals, lengths, MAX_LITERAL_CODES);
    memset(lengths, 5, MAX_DISTANCE_CODES);
    build(&distances, lengths, MAX_DISTANCE_CODES);
    read_codes(s, &literals, &distances);
}

/* §3.2.7: the lengths of both alphabets, run-length coded by a third. */
static void read_lengths(struct inflate *s, const struct huffman *h, uint8_t *lengths, unsigned n)
{
    unsigned i = 0;
    while (i < n && !s->has_failed) {
        const unsigned symbol = read_symbol(s, h);
        if (symbol < 16) {
            lengths[i++] = symbol;
            continue;
        }
        s->has_failed |= symbol > 18 || (symbol == 16 && i == 0);
        const uint8_t repeated = symbol == 16 && i > 0 ? lengths[i - 1] : 0;
        unsigned times = symbol == 16   ? 3 + read_bits(s, 2)
                         : symbol == 17 ? 3 + read_bits(s, 3)
                                        : 11 + read_bits(s, 7);
        s->has_failed |= times > n - i;
        while (times-- > 0 && i < n) {
            lengths[i++] = repeated;
        }
    }
}

static void read_dynamic(struct inflate *s)
{
    static const uint8_t order[N_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                  11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[MAX_CODES] = {0};
    struct huffman literals, distances;
    const unsigned n_literals = read_bits(s, 5) + 257;
    const unsigned n_distances = read_bits(s, 5) + 1;
    const unsigned n_lengths = read_bits(s, 4) + 4;
    if (n_literals > MAX_LITERAL_CODES) {
        s->has_failed = true;
        return;
    }
    for (unsigned i = 0; i < n_lengths; i++) {
        lengths[order[i]] = read_bits(s, 3);
    }
    build(&literals, lengths, N_LENGTH_CODES);
    memset(lengths, 0, sizeof(lengths));
    read_lengths(s, &literals, lengths, n_literals + n_distances);
    build(&literals, lengths, n_literals);
    build(&distances, lengths + n_literals, n_distances);
    read_codes(s, &literals, &distances);
}

int gunzip(struct bytes in, uint8_t *out, size_t out_size)
{
    /* As gzip.compress() writes it: no name, no comment, no extra field. */
    const uint8_t magic[] = {0x1f, 0x8b, 8, 0};
    if (in.size < GZIP_HEADER_SIZE + GZIP_TRAILER_SIZE || memcmp(in.data, magic, sizeof(magic))) {
        return -EBADMSG;
    }
    struct inflate s = {
        .in = in.data + GZIP_HEADER_SIZE,
        .in_end = in.data + in.size - GZIP_TRAILER_SIZE,
        .out = out,
        .out_size = out_size,
    };
    for (bool is_last = false; !is_last && !s.has_failed;) {
        is_last = read_bits(&s, 1);
        switch (read_bits(&s, 2)) {
        case 0:
            read_stored(&s);
            break;
        case 1:
            read_fixed(&s);
            break;
        case 2:
            read_dynamic(&s);
            break;
        default:
            s.has_failed = true;
        }
    }
    return s.has_failed || s.out_at != out_size ? -EBADMSG : 0;
}
