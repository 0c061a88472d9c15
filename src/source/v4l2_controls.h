/*
 * A camera's controls by V4L2's names, as v4l2-ctl writes them: brightness, exposure_time_absolute.
 *
 * Values are texts: whole numbers, on and off, the text or number of a menu's item.
 *
 * Thread: the device's owner.
 * Errors: -ENOENT no such control, -EINVAL not understood, -ERANGE, else the driver's; with a
 *         sentence.
 */
#ifndef AVOCET_SOURCE_V4L2_CONTROLS_H
#define AVOCET_SOURCE_V4L2_CONTROLS_H

#include "base/text.h"
#include "source/v4l2_device.h"

enum { V4L2_CONTROL_NAME_SIZE = 48 };

/* "White Balance, Automatic" → "white_balance_automatic". */
void v4l2_control_name(const char *title, char out[V4L2_CONTROL_NAME_SIZE]);

int v4l2_controls_set(const struct v4l2_device *d, const char *name, const char *value,
                      struct option_error *error);
/* "brightness=128,contrast=10"; what fails is told by each() and the rest is done. */
void v4l2_controls_set_list(const struct v4l2_device *d, const char *list,
                            void (*each)(const char *sentence, void *arg), void *arg);
/* By number (V4L2_CID_…), without a sentence. */
int v4l2_controls_set_id(const struct v4l2_device *d, unsigned id, int32_t value);
bool v4l2_controls_has(const struct v4l2_device *d, unsigned id);
/* Lines for people: "control brightness 0 to 255, default 128, now 128". */
void v4l2_controls_describe(const struct v4l2_device *d, struct text *out);

#endif
