#include "source/v4l2_controls.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { LIST_ITEM_SIZE = 160 };

void v4l2_control_name(const char *title, char out[V4L2_CONTROL_NAME_SIZE])
{
    size_t n = 0;
    bool is_gap = false;
    for (; *title != '\0' && n + 2 < V4L2_CONTROL_NAME_SIZE; title++) {
        if (!isalnum((unsigned char)*title)) {
            is_gap = n > 0;
            continue;
        }
        if (is_gap) {
            out[n++] = '_';
        }
        is_gap = false;
        out[n++] = (char)tolower((unsigned char)*title);
    }
    out[n] = '\0';
}

/* The control behind id that can be set or read as one value; false: no more. */
static bool next_control(const struct v4l2_device *d, struct v4l2_queryctrl *query)
{
    for (;;) {
        query->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
        if (v4l2_ioctl(d->fd, VIDIOC_QUERYCTRL, query) < 0) {
            return false;
        }
        if (!(query->flags & V4L2_CTRL_FLAG_DISABLED) && query->type != V4L2_CTRL_TYPE_CTRL_CLASS) {
            return true;
        }
    }
}

static int find_control(const struct v4l2_device *d, const char *name, struct v4l2_queryctrl *out)
{
    struct v4l2_queryctrl query = {0};
    while (next_control(d, &query)) {
        char found[V4L2_CONTROL_NAME_SIZE];
        v4l2_control_name((const char *)query.name, found);
        if (strcmp(found, name) == 0) {
            *out = query;
            return 0;
        }
    }
    return -ENOENT;
}

static int parse_whole(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0') {
        return -EINVAL;
    }
    *out = value;
    return 0;
}

static int parse_menu_text(const struct v4l2_device *d, const struct v4l2_queryctrl *query,
                           const char *text, int64_t *out)
{
    struct v4l2_querymenu menu = {.id = query->id};
    for (int i = query->minimum; i <= query->maximum; i++) {
        menu.index = (unsigned)i;
        if (v4l2_ioctl(d->fd, VIDIOC_QUERYMENU, &menu) == 0 &&
            strcasecmp((const char *)menu.name, text) == 0) {
            *out = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_value(const struct v4l2_device *d, const struct v4l2_queryctrl *query,
                       const char *text, int64_t *out)
{
    if (query->type == V4L2_CTRL_TYPE_BOOLEAN &&
        (strcmp(text, "on") == 0 || strcmp(text, "off") == 0)) {
        *out = strcmp(text, "on") == 0;
        return 0;
    }
    if (query->type == V4L2_CTRL_TYPE_BUTTON) {
        *out = 1;
        return 0;
    }
    if (query->type == V4L2_CTRL_TYPE_MENU && parse_menu_text(d, query, text, out) == 0) {
        return 0;
    }
    return parse_whole(text, out);
}

static bool is_limited(const struct v4l2_queryctrl *query)
{
    return query->type == V4L2_CTRL_TYPE_INTEGER || query->type == V4L2_CTRL_TYPE_BOOLEAN ||
           query->type == V4L2_CTRL_TYPE_MENU || query->type == V4L2_CTRL_TYPE_INTEGER_MENU;
}

static bool is_settable(const struct v4l2_queryctrl *query)
{
    return is_limited(query) || query->type == V4L2_CTRL_TYPE_BUTTON ||
           query->type == V4L2_CTRL_TYPE_BITMASK;
}

static int set_failed(const char *name, const char *value, const struct v4l2_queryctrl *query,
                      int code, struct option_error *error)
{
    const char *reason = code == -EBUSY    ? "another control or the running stream holds it"
                         : code == -EACCES ? "it can only be read"
                                           : strerror(-code);
    if ((code == -EINVAL || code == -ERANGE) && is_limited(query)) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "'%.40s' is no value for control %.48s: it takes %d to %d in steps of %d", value,
                 name, query->minimum, query->maximum, query->step);
    } else {
        snprintf(error->sentence, sizeof(error->sentence),
                 "control %.48s cannot be set to '%.40s', %s", name, value, reason);
    }
    return code;
}

int v4l2_controls_set_id(const struct v4l2_device *d, unsigned id, int32_t value)
{
    struct v4l2_ext_control control = {.id = id, .value = value};
    struct v4l2_ext_controls controls = {
        .which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &control};
    int result = v4l2_ioctl(d->fd, VIDIOC_S_EXT_CTRLS, &controls);
    if (result == -ENOTTY) {
        struct v4l2_control plain = {.id = id, .value = value};
        result = v4l2_ioctl(d->fd, VIDIOC_S_CTRL, &plain);
    }
    return result;
}

int v4l2_controls_set(const struct v4l2_device *d, const char *name, const char *value,
                      struct option_error *error)
{
    struct v4l2_queryctrl query;
    int64_t number = 0;
    int result = find_control(d, name, &query);
    if (result < 0) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "%.80s has no control '%.48s'; `avocet devices` lists them", d->path, name);
        return result;
    }
    result = is_settable(&query) ? parse_value(d, &query, value, &number) : -ENOTSUP;
    if (result == 0 && is_limited(&query) && (number < query.minimum || number > query.maximum)) {
        result = -ERANGE;
    }
    if (result == 0) {
        result = v4l2_controls_set_id(d, query.id, (int32_t)number);
    }
    return result < 0 ? set_failed(name, value, &query, result, error) : 0;
}

void v4l2_controls_set_list(const struct v4l2_device *d, const char *list,
                            void (*each)(const char *sentence, void *arg), void *arg)
{
    while (list && *list != '\0') {
        char item[LIST_ITEM_SIZE];
        struct option_error error = {0};
        const size_t size = strcspn(list, ",");
        snprintf(item, sizeof(item), "%.*s", (int)size, list);
        char *equals = strchr(item, '=');
        if (!equals) {
            snprintf(error.sentence, sizeof(error.sentence),
                     "'%.60s' is no control: write controls=NAME=VALUE,NAME=VALUE", item);
            each(error.sentence, arg);
        } else {
            *equals = '\0';
            if (v4l2_controls_set(d, item, equals + 1, &error) < 0) {
                each(error.sentence, arg);
            }
        }
        list += size;
        list += *list == ',';
    }
}

bool v4l2_controls_has(const struct v4l2_device *d, unsigned id)
{
    struct v4l2_queryctrl query = {.id = id};
    return v4l2_ioctl(d->fd, VIDIOC_QUERYCTRL, &query) == 0 &&
           !(query.flags & V4L2_CTRL_FLAG_DISABLED);
}

static void describe_menu(const struct v4l2_device *d, const struct v4l2_queryctrl *query,
                          struct text *out)
{
    struct v4l2_querymenu menu = {.id = query->id};
    for (int i = query->minimum; i <= query->maximum; i++) {
        menu.index = (unsigned)i;
        if (v4l2_ioctl(d->fd, VIDIOC_QUERYMENU, &menu) < 0) {
            continue;
        }
        if (query->type == V4L2_CTRL_TYPE_MENU) {
            text_printf(out, " %d=%s", i, (const char *)menu.name);
        } else {
            text_printf(out, " %d=%lld", i, (long long)menu.value);
        }
    }
}

void v4l2_controls_describe(const struct v4l2_device *d, struct text *out)
{
    struct v4l2_queryctrl query = {0};
    while (next_control(d, &query)) {
        char name[V4L2_CONTROL_NAME_SIZE];
        struct v4l2_control now = {.id = query.id};
        if (!is_settable(&query) || (query.flags & V4L2_CTRL_FLAG_READ_ONLY)) {
            continue;
        }
        v4l2_control_name((const char *)query.name, name);
        text_printf(out, "control %s", name);
        if (query.type == V4L2_CTRL_TYPE_MENU || query.type == V4L2_CTRL_TYPE_INTEGER_MENU) {
            describe_menu(d, &query, out);
        } else if (query.type == V4L2_CTRL_TYPE_BOOLEAN) {
            text_append(out, " off or on");
        } else if (query.type == V4L2_CTRL_TYPE_INTEGER) {
            text_printf(out, " %d to %d", query.minimum, query.maximum);
        }
        if (query.type != V4L2_CTRL_TYPE_BUTTON && v4l2_ioctl(d->fd, VIDIOC_G_CTRL, &now) == 0) {
            text_printf(out, ", default %d, now %d", query.default_value, now.value);
        }
        text_append(out, "\n");
    }
}
