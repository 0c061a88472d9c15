/*
 * Pictures of one format and size whose memory is used again: allocating and freeing a megabyte
 * thirty times a second costs more in page faults than drawing into it.
 *
 * A picture taken from the pool goes back to it at its last unref, also after the pool was
 * dropped; the memory is freed when the maker has dropped the pool and every picture is back.
 *
 * Ownership: picture_pool_take() gives one reference; picture_pool_drop() NULLs the caller's
 * pointer. Thread:    take and drop on the maker's thread; pictures come back from any. Errors:
 * NULL: no memory, or all n_max pictures are lent.
 */
#ifndef AVOCET_MEDIA_PICTURE_POOL_H
#define AVOCET_MEDIA_PICTURE_POOL_H

#include "media/picture.h"

enum { PICTURE_POOL_MAX = 16 };

struct picture_pool;

/* Pictures are made when first needed, n_max of them at most (1 .. PICTURE_POOL_MAX). */
struct picture_pool *picture_pool_create(enum pixel_format format, struct picture_size size,
                                         int n_max);
/*
 * Times TIME_NONE, flags 0, contents as their last maker left them. *slot (may be NULL) numbers the
 * memory: 0 .. n_max - 1, the same each time it is lent.
 */
struct picture *picture_pool_take(struct picture_pool *pool, int *slot);
void picture_pool_drop(struct picture_pool **pool);
/* Has the pool this format and size? NULL has not. */
bool picture_pool_fits(const struct picture_pool *pool, enum pixel_format format,
                       struct picture_size size);

#endif
