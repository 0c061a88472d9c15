/*
 * What the test picture looks like: time strip, colour bars, a bird walking on a gradient, a panel
 * with title, clock and frame counter. Into recycled pictures only what moves is drawn again.
 *
 * Ownership: the struct is a value without memory of its own but for title, which it borrows.
 * Thread:    one owner.
 */
#ifndef AVOCET_SOURCE_TEST_PICTURE_H
#define AVOCET_SOURCE_TEST_PICTURE_H

#include "media/picture_pool.h"

enum test_pattern {
    TEST_PATTERN_BARS,
    TEST_PATTERN_NOISE, /* noise in place of the bars: something to spend bits on */
    TEST_PATTERN_STILL, /* nothing moves but the time strip */
};

struct test_rect {
    int x, y, width, height;
};

struct test_picture {
    struct picture_size size;
    enum test_pattern pattern;
    const char *title;
    struct test_rect bars; /* rows [y, y + height) over the whole width, even numbers */
    struct test_rect lane;
    struct test_rect panel;
    int sprite_scale; /* pixels per sprite dot, even; 0: no room */
    int clock_scale;  /* pixels per font dot; 0: no room */
    int label_scale;
    uint32_t noise_state;
    int64_t clock_second; /* what clock_text says, without milliseconds */
    char clock_text[16];
    /* per slot of the pool */
    bool is_drawn[PICTURE_POOL_MAX];
    struct test_rect sprite[PICTURE_POOL_MAX];
};

/* The moment that a picture shows. */
struct test_moment {
    int64_t capture_ns; /* real clock */
    int64_t elapsed_ns; /* since the source was opened: moves the bird */
    uint64_t frame;
};

void test_picture_init(struct test_picture *t, struct picture_size size, enum test_pattern pattern,
                       const char *title);
/* p: an I420 picture of the size, from this slot of its pool. */
void test_picture_draw(struct test_picture *t, struct picture *p, int slot,
                       const struct test_moment *moment);

#endif
