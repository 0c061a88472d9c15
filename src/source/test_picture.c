#include "source/test_picture.h"

#include <stdio.h>
#include <time.h>

#include "media/timecode.h"
#include "source/test_font.h"

enum {
    N_BARS = 8,
    N_LEG_ROWS = 6,
    SPRITE_WIDTH = 26,
    SPRITE_HEIGHT = 20,
    SPRITE_SCALE_MAX = 16,
    CROSSING_MS = 5000, /* the bird, from one side to the other */
    STEP_MS = 250,
    LUMA_BLACK = 16,
    LUMA_WHITE = 235,
    LUMA_PANEL = 32,
    CLOCK_CHARACTERS = 12, /* 23:59:59.999 */
    LABEL_CHARACTERS = 40,
};

struct colour {
    uint8_t y, u, v;
};

static const struct colour bar_colours[N_BARS] = {
    {180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
    {84, 184, 198},  {65, 100, 212}, {35, 212, 114}, {16, 128, 128},
};

/* An avocet facing right: # black, O white, b the blue of its legs. */
static const char *const bird[SPRITE_HEIGHT - N_LEG_ROWS] = {
    "............#####.........", ".............######......#", ".............#OO#O#.....#.",
    "............##OOOO######..", "............#OOOOO........", "...........##OOO..........",
    "...........#OOO...........", "...OO.....#OOOO...........", "..OOOOOOOOOOOOO...........",
    ".O######OOOOOOOO..........", "###OOOO####OOOOO..........", "..######OOOOOOO...........",
    "....OOOOOOOOOO............", "......OOOOOO..............",
};
static const char *const legs[2][N_LEG_ROWS] = {
    {".......b...b..............", ".......b...b..............", "......b.....b.............",
     "......b.....b.............", ".....b.......b............", ".....bb......bb..........."},
    {"........b.b...............", "........b.b...............", "........bb................",
     "........bb................", "........b.b...............", "........bb.bb............."},
};

static uint8_t *pixel(struct picture *p, int plane, int x, int y)
{
    return (uint8_t *)p->planes[plane] + (ptrdiff_t)y * p->strides[plane] + x;
}

static void fill_plane(struct picture *p, int plane, struct test_rect r, uint8_t value)
{
    for (int y = r.y; y < r.y + r.height; y++) {
        memset(pixel(p, plane, r.x, y), value, (size_t)r.width);
    }
}

/* r: even numbers. */
static void fill(struct picture *p, struct test_rect r, struct colour c)
{
    const struct test_rect half = {r.x / 2, r.y / 2, r.width / 2, r.height / 2};
    fill_plane(p, 0, r, c.y);
    fill_plane(p, 1, half, c.u);
    fill_plane(p, 2, half, c.v);
}

static int even(int value)
{
    return value & ~1;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

void test_picture_init(struct test_picture *t, struct picture_size size, enum test_pattern pattern,
                       const char *title)
{
    const int top = even(timecode_height(size) + 1);
    const int bars_height = even((size.height - top) / 2);
    const int panel_height = even((size.height - top) / 4);
    const int lane_height = size.height - top - bars_height - panel_height;
    *t = (struct test_picture){
        .size = size,
        .pattern = pattern,
        .title = title,
        .bars = {0, top, size.width, bars_height},
        .lane = {0, top + bars_height, size.width, lane_height},
        .panel = {0, top + bars_height + lane_height, size.width, panel_height},
        .sprite_scale =
            even(min_int(min_int(lane_height / SPRITE_HEIGHT, size.width / (2 * SPRITE_WIDTH)),
                         SPRITE_SCALE_MAX)),
        .clock_scale = min_int(panel_height / (2 * TEST_FONT_HEIGHT),
                               size.width / (CLOCK_CHARACTERS * TEST_FONT_ADVANCE)),
        .label_scale = min_int(panel_height / (4 * TEST_FONT_HEIGHT),
                               size.width / (LABEL_CHARACTERS * TEST_FONT_ADVANCE)),
        .noise_state = 1,
        .clock_second = INT64_MIN,
    };
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void draw_bars(struct test_picture *t, struct picture *p)
{
    for (int i = 0; i < N_BARS; i++) {
        const int left = even(t->size.width * i / N_BARS);
        const int right = even(t->size.width * (i + 1) / N_BARS);
        fill(p, (struct test_rect){left, t->bars.y, right - left, t->bars.height}, bar_colours[i]);
    }
}

/* Dots of 4 x 4 pixels: real codecs see no detail finer than that at low rates. */
static void draw_noise(struct test_picture *t, struct picture *p)
{
    for (int y = t->bars.y; y < t->bars.y + t->bars.height; y++) {
        uint8_t *row = pixel(p, 0, 0, y);
        if ((y - t->bars.y) % 4 != 0) {
            memcpy(row, pixel(p, 0, 0, y - 1), (size_t)t->size.width);
            continue;
        }
        for (int x = 0; x < t->size.width; x += 4) {
            const uint8_t luma = (uint8_t)(48 + (next_random(&t->noise_state) >> 25));
            memset(row + x, luma, (size_t)min_int(4, t->size.width - x));
        }
    }
}

/* The gradient runs along x only, so a part of it can be drawn again row by row. */
static void draw_gradient(struct test_picture *t, struct picture *p, struct test_rect r)
{
    for (int y = r.y; y < r.y + r.height; y++) {
        uint8_t *row = pixel(p, 0, r.x, y);
        if (y > r.y) {
            memcpy(row, pixel(p, 0, r.x, r.y), (size_t)r.width);
            continue;
        }
        for (int x = 0; x < r.width; x++) {
            row[x] = (uint8_t)(64 + (r.x + x) * 128 / t->size.width);
        }
    }
    const struct test_rect half = {r.x / 2, r.y / 2, r.width / 2, r.height / 2};
    fill_plane(p, 1, half, 140);
    fill_plane(p, 2, half, 116);
}

static struct colour sprite_colour(char dot)
{
    switch (dot) {
    case '#':
        return (struct colour){LUMA_BLACK, 128, 128};
    case 'b':
        return (struct colour){90, 168, 104};
    default:
        return (struct colour){LUMA_WHITE, 128, 128};
    }
}

static void draw_sprite(struct test_picture *t, struct picture *p, struct test_rect at,
                        bool is_flipped, int step)
{
    for (int row = 0; row < SPRITE_HEIGHT; row++) {
        const int leg = row - (SPRITE_HEIGHT - N_LEG_ROWS);
        const char *dots = leg < 0 ? bird[row] : legs[step][leg];
        for (int column = 0; column < SPRITE_WIDTH; column++) {
            const char dot = dots[is_flipped ? SPRITE_WIDTH - 1 - column : column];
            if (dot != '.') {
                const struct test_rect r = {at.x + column * t->sprite_scale,
                                            at.y + row * t->sprite_scale, t->sprite_scale,
                                            t->sprite_scale};
                fill(p, r, sprite_colour(dot));
            }
        }
    }
}

static void draw_bird(struct test_picture *t, struct picture *p, int slot, int64_t elapsed_ns)
{
    if (t->sprite_scale == 0) {
        return;
    }
    const int width = SPRITE_WIDTH * t->sprite_scale;
    const int height = SPRITE_HEIGHT * t->sprite_scale;
    const int64_t ms = elapsed_ns / NS_PER_MS;
    const int64_t walked = (t->size.width - width) * (ms % CROSSING_MS) / CROSSING_MS;
    const bool is_flipped = ms / CROSSING_MS % 2 == 1;
    const struct test_rect at = {
        .x = even((int)(is_flipped ? t->size.width - width - walked : walked)),
        .y = t->lane.y + even((t->lane.height - height) / 2),
        .width = width,
        .height = height,
    };
    if (t->is_drawn[slot]) {
        draw_gradient(t, p, t->sprite[slot]);
    }
    draw_sprite(t, p, at, is_flipped, (int)(ms / STEP_MS % 2));
    t->sprite[slot] = at;
}

static void draw_glyph(struct picture *p, const uint8_t *glyph, int x, int y, int scale)
{
    for (int row = 0; row < TEST_FONT_HEIGHT; row++) {
        uint8_t *first = pixel(p, 0, x, y + row * scale);
        for (int column = 0; column < TEST_FONT_WIDTH; column++) {
            const bool is_set = glyph[row] >> (TEST_FONT_WIDTH - 1 - column) & 1;
            memset(first + column * scale, is_set ? LUMA_WHITE : LUMA_PANEL, (size_t)scale);
        }
        for (int line = 1; line < scale; line++) {
            memcpy(pixel(p, 0, x, y + row * scale + line), first,
                   (size_t)(TEST_FONT_WIDTH * scale));
        }
    }
}

static void draw_text(struct test_picture *t, struct picture *p, const char *text, int y, int scale)
{
    int x = 2 * scale;
    for (; *text != '\0' && x + TEST_FONT_ADVANCE * scale <= t->size.width; text++) {
        draw_glyph(p, test_font_glyph(*text), x, y, scale);
        x += TEST_FONT_ADVANCE * scale;
    }
}

static void draw_clock(struct test_picture *t, struct picture *p, int64_t capture_ns)
{
    const time_t second = capture_ns / NS_PER_S;
    if (second != t->clock_second) {
        struct tm local = {0};
        localtime_r(&second, &local);
        strftime(t->clock_text, sizeof(t->clock_text), "%H:%M:%S", &local);
        t->clock_second = second;
    }
    char text[32];
    snprintf(text, sizeof(text), "%s.%03d", t->clock_text,
             (int)(capture_ns % NS_PER_S / NS_PER_MS));
    draw_text(t, p, text, t->panel.y + t->clock_scale, t->clock_scale);
}

static void draw_panel(struct test_picture *t, struct picture *p, const struct test_moment *moment)
{
    if (t->clock_scale > 0) {
        draw_clock(t, p, moment->capture_ns);
    }
    if (t->label_scale > 0) {
        char text[80];
        snprintf(text, sizeof(text), "%.16s %dx%d frame %06llu", t->title, t->size.width,
                 t->size.height, (unsigned long long)moment->frame % 1000000);
        const int y = t->panel.y + t->panel.height - (TEST_FONT_HEIGHT + 2) * t->label_scale;
        draw_text(t, p, text, y, t->label_scale);
    }
}

static void draw_background(struct test_picture *t, struct picture *p)
{
    fill(p, (struct test_rect){0, 0, t->size.width, t->size.height},
         (struct colour){LUMA_PANEL, 128, 128});
    if (t->pattern != TEST_PATTERN_NOISE) {
        draw_bars(t, p);
    }
    draw_gradient(t, p, t->lane);
}

void test_picture_draw(struct test_picture *t, struct picture *p, int slot,
                       const struct test_moment *moment)
{
    uint8_t *const planes[] = {pixel(p, 0, 0, 0), pixel(p, 1, 0, 0), pixel(p, 2, 0, 0)};
    if (!t->is_drawn[slot]) {
        draw_background(t, p);
    }
    if (t->pattern == TEST_PATTERN_NOISE) {
        draw_noise(t, p);
    }
    if (t->pattern != TEST_PATTERN_STILL || !t->is_drawn[slot]) {
        draw_bird(t, p, slot, t->pattern == TEST_PATTERN_STILL ? 0 : moment->elapsed_ns);
    }
    if (t->pattern != TEST_PATTERN_STILL) {
        draw_panel(t, p, moment);
    }
    timecode_draw(planes, p->strides, t->size, moment->capture_ns / NS_PER_MS);
    t->is_drawn[slot] = true;
}
