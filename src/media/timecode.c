#include "media/timecode.h"

#include <errno.h>
#include <string.h>

enum {
    N_TIME_BITS = 40,
    N_CRC_BITS = 8,
    N_BITS = N_TIME_BITS + N_CRC_BITS,
    WIDTH_BLOCKS = 52, /* two of margin on each side */
    MARGIN_BLOCKS = 2,
    HEIGHT_BLOCKS = 2,
    LUMA_BLACK = 16,
    LUMA_WHITE = 235,
    LUMA_MIDDLE = 128,
    CHROMA_NEUTRAL = 128,
    CRC_POLYNOMIAL = 0x07,
};

static uint8_t crc8(uint64_t time)
{
    uint8_t crc = 0;
    for (int shift = N_TIME_BITS - 8; shift >= 0; shift -= 8) {
        crc ^= (uint8_t)(time >> shift);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ CRC_POLYNOMIAL : crc << 1);
        }
    }
    return crc;
}

static int block_width(struct picture_size size)
{
    const int width = size.width / WIDTH_BLOCKS;
    return size.height >= width * HEIGHT_BLOCKS ? width : 0;
}

int timecode_height(struct picture_size size)
{
    return block_width(size) * HEIGHT_BLOCKS;
}

static void draw_luma_row(uint8_t *row, int width, int block, uint64_t bits)
{
    memset(row, LUMA_BLACK, (size_t)width);
    for (int i = 0; i < N_BITS; i++) {
        if (bits >> (N_BITS - 1 - i) & 1) {
            memset(row + (MARGIN_BLOCKS + i) * block, LUMA_WHITE, (size_t)block);
        }
    }
}

void timecode_draw(uint8_t *const planes[3], const int strides[3], struct picture_size size,
                   int64_t capture_ms)
{
    const int height = timecode_height(size);
    const uint64_t time = (uint64_t)capture_ms & (uint64_t)(TIMECODE_MODULUS_MS - 1);
    if (height == 0) {
        return;
    }
    draw_luma_row(planes[0], size.width, block_width(size), time << N_CRC_BITS | crc8(time));
    for (int y = 1; y < height; y++) {
        memcpy(planes[0] + (ptrdiff_t)y * strides[0], planes[0], (size_t)size.width);
    }
    for (int y = 0; y < (height + 1) / 2; y++) {
        for (int i = 1; i < 3; i++) {
            memset(planes[i] + (ptrdiff_t)y * strides[i], CHROMA_NEUTRAL,
                   (size_t)(size.width + 1) / 2);
        }
    }
}

/* Is the middle half of the block at x white? */
static bool read_block(const uint8_t *luma, int stride, int x, int block)
{
    const int x0 = x + block / 4;
    const int x1 = x + block - block / 4;
    const int y0 = block / 2;
    const int y1 = HEIGHT_BLOCKS * block - block / 2;
    int64_t sum = 0;
    for (int row = y0; row < y1; row++) {
        for (int column = x0; column < x1; column++) {
            sum += luma[(ptrdiff_t)row * stride + column];
        }
    }
    return sum >= (int64_t)LUMA_MIDDLE * (x1 - x0) * (y1 - y0);
}

int timecode_read(const uint8_t *luma, int stride, struct picture_size size, int64_t *capture_ms)
{
    const int block = block_width(size);
    if (block == 0) {
        return -ENOTSUP;
    }
    uint64_t bits = 0;
    for (int i = 0; i < N_BITS; i++) {
        bits = bits << 1 | read_block(luma, stride, (MARGIN_BLOCKS + i) * block, block);
    }
    const uint64_t time = bits >> N_CRC_BITS;
    /* An all-black strip has a right CRC, and no camera was there in 1970. */
    if (time == 0 || crc8(time) != (uint8_t)bits) {
        return -EBADMSG;
    }
    *capture_ms = (int64_t)time;
    return 0;
}

int64_t timecode_expand(int64_t capture_ms, int64_t now_ms)
{
    const int64_t half = TIMECODE_MODULUS_MS / 2;
    int64_t distance = (now_ms - capture_ms) % TIMECODE_MODULUS_MS;
    if (distance >= half) {
        distance -= TIMECODE_MODULUS_MS;
    } else if (distance < -half) {
        distance += TIMECODE_MODULUS_MS;
    }
    return now_ms - distance;
}
