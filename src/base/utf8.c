#include "base/utf8.h"

static bool has_tail(struct bytes in, size_t size, uint8_t second_min, uint8_t second_max)
{
    if (in.size < size || in.data[1] < second_min || in.data[1] > second_max) {
        return false;
    }
    for (size_t i = 2; i < size; i++) {
        if ((in.data[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t utf8_character_size(struct bytes in)
{
    static const struct {
        uint8_t first_min, first_max, size, second_min, second_max;
    } rows[] = {
        {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
        {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
        {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
    };
    if (in.size == 0 || in.data[0] < 0x80) {
        return in.size > 0;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (in.data[0] >= rows[i].first_min && in.data[0] <= rows[i].first_max) {
            return has_tail(in, rows[i].size, rows[i].second_min, rows[i].second_max) ? rows[i].size
                                                                                      : 0;
        }
    }
    return 0;
}

bool utf8_is_valid(struct bytes in)
{
    while (in.size > 0) {
        const size_t size = utf8_character_size(in);
        if (size == 0) {
            return false;
        }
        in = bytes_of(in.data + size, in.size - size);
    }
    return true;
}
