#include "base/option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

enum { PICTURE_SIDE_MAX = 16384, RATE_MAX = 1000 };

static const struct size_preset presets[] = {
    {"240p", {424, 240}, 100000},     {"360p", {640, 360}, 230000},  {"432p", {768, 432}, 330000},
    {"480p", {848, 480}, 410000},     {"576p", {1024, 576}, 590000}, {"720p", {1280, 720}, 920000},
    {"1080p", {1920, 1080}, 2070000},
};
enum { N_PRESETS = sizeof(presets) / sizeof(presets[0]) };

const struct size_preset *option_size_preset(const char *name)
{
    for (size_t i = 0; i < N_PRESETS; i++) {
        if (strcmp(presets[i].name, name) == 0) {
            return &presets[i];
        }
    }
    return NULL;
}

int64_t option_default_bitrate(struct picture_size size)
{
    const int64_t pixels = (int64_t)size.width * size.height;
    size_t nearest = 0;
    int64_t nearest_distance = INT64_MAX;
    for (size_t i = 0; i < N_PRESETS; i++) {
        const int64_t distance =
            llabs(pixels - (int64_t)presets[i].size.width * presets[i].size.height);
        if (distance < nearest_distance) {
            nearest = i;
            nearest_distance = distance;
        }
    }
    return presets[nearest].bitrate_bps;
}

/* A decimal number with nothing exotic (no hex, no inf), and where it ended. */
static int parse_decimal(const char *text, double *out, const char **end)
{
    if (!isdigit((unsigned char)text[0]) ||
        (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))) {
        return -EINVAL;
    }
    char *stop = NULL;
    *out = strtod(text, &stop);
    *end = stop;
    return isfinite(*out) ? 0 : -EINVAL;
}

struct suffix {
    const char *word;
    double factor;
};

static int parse_with_suffix(const char *text, const struct suffix *suffixes, int64_t *out)
{
    double value = 0;
    const char *rest = NULL;
    if (parse_decimal(text, &value, &rest) < 0) {
        return -EINVAL;
    }
    for (const struct suffix *s = suffixes; s->word; s++) {
        if (strcmp(rest, s->word) == 0) {
            const double scaled = value * s->factor;
            if (scaled > 9e18) {
                return -ERANGE;
            }
            *out = llround(scaled);
            return 0;
        }
    }
    return -EINVAL;
}

int option_parse_number(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {0}};
    return parse_with_suffix(text, suffixes, out);
}

int option_parse_duration(const char *text, int64_t *out)
{
    static const struct suffix suffixes[] = {
        {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}, {0},
    };
    return parse_with_suffix(text, suffixes, out);
}

int option_parse_rate(const char *text, struct rational *out)
{
    double value = 0;
    const char *rest = NULL;
    if (parse_decimal(text, &value, &rest) < 0) {
        return -EINVAL;
    }
    if (*rest == '/') {
        double den = 0;
        if (parse_decimal(rest + 1, &den, &rest) < 0 || *rest != '\0' || den < 1 || den > 1e6 ||
            value > 1e9 || value != floor(value) || den != floor(den) || value < 1 ||
            value / den > RATE_MAX) {
            return -EINVAL;
        }
        *out = (struct rational){.num = (int32_t)value, .den = (int32_t)den};
        return 0;
    }
    if (*rest != '\0' || value <= 0 || value > RATE_MAX) {
        return -EINVAL;
    }
    if (value == floor(value)) {
        *out = (struct rational){.num = (int32_t)value, .den = 1};
        return 0;
    }
    const double ntsc = round(value) * 1000.0 / 1001.0; /* 29.97 and its family */
    if (fabs(ntsc - value) < 0.005) {
        *out = (struct rational){.num = (int32_t)round(value) * 1000, .den = 1001};
    } else {
        *out = (struct rational){.num = (int32_t)llround(value * 1000), .den = 1000};
    }
    return out->num > 0 ? 0 : -EINVAL;
}

int option_parse_size(const char *text, struct picture_size *out)
{
    const struct size_preset *preset = option_size_preset(text);
    if (preset) {
        *out = preset->size;
        return 0;
    }
    double width = 0;
    double height = 0;
    const char *rest = NULL;
    if (parse_decimal(text, &width, &rest) < 0 || *rest != 'x' ||
        parse_decimal(rest + 1, &height, &rest) < 0 || *rest != '\0' || width != floor(width) ||
        height != floor(height)) {
        return -EINVAL;
    }
    if (width < 16 || height < 16 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX) {
        return -ERANGE;
    }
    *out = (struct picture_size){.width = (int32_t)width, .height = (int32_t)height};
    return 0;
}

static int parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"on", "yes", "true", "1", "off", "no", "false", "0"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i < 4;
            return 0;
        }
    }
    return -EINVAL;
}

static int find_choice(const struct option *o, const char *text)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            return i;
        }
    }
    return -EINVAL;
}

static int parse_choice(const struct option *o, const char *text, int *out)
{
    const int choice = find_choice(o, text);
    if (choice >= 0) {
        *out = choice;
    }
    return choice < 0 ? choice : 0;
}

static int parse_limited(const struct option *o, const char *text, int64_t *out)
{
    int64_t value = 0;
    const int error = o->type == OPTION_DURATION ? option_parse_duration(text, &value)
                                                 : option_parse_number(text, &value);
    if (error < 0) {
        return error;
    }
    if ((o->min != 0 || o->max != 0) && (value < o->min || value > o->max)) {
        return -ERANGE;
    }
    *out = value;
    return 0;
}

static int set_text(char **field, const char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        return -ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

static int set_field(const struct option *o, void *target, const char *value)
{
    void *field = (char *)target + o->offset;
    switch (o->type) {
    case OPTION_BOOL:
        return parse_bool(value, field);
    case OPTION_INT:
    case OPTION_BITRATE:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return parse_limited(o, value, field);
    case OPTION_RATE:
        return option_parse_rate(value, field);
    case OPTION_SIZE:
        return option_parse_size(value, field);
    case OPTION_CHOICE:
        return parse_choice(o, value, field);
    case OPTION_TEXT:
        return o->choices && find_choice(o, value) < 0 ? -EINVAL : set_text(field, value);
    }
    return -EINVAL;
}

static size_t field_size(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_RATE:
        return sizeof(struct rational);
    case OPTION_SIZE:
        return sizeof(struct picture_size);
    case OPTION_CHOICE:
        return sizeof(int);
    case OPTION_TEXT:
        return sizeof(char *);
    default:
        return sizeof(int64_t);
    }
}

const struct option *option_find(const struct option *table, const char *name)
{
    for (const struct option *o = table; o && o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

void option_init(const struct option *table, void *target)
{
    for (const struct option *o = table; o && o->name; o++) {
        memset((char *)target + o->offset, 0, field_size(o->type));
        if (o->def && set_field(o, target, o->def) < 0) {
            abort(); /* a default that its own row refuses is our bug */
        }
    }
}

void option_finish(const struct option *table, void *target)
{
    for (const struct option *o = table; o && o->name; o++) {
        if (o->type == OPTION_TEXT) {
            char **field = (char **)(void *)((char *)target + o->offset);
            free(*field);
            *field = NULL;
        }
    }
}

static bool copy_field(const struct option *o, char *target, const char *from)
{
    memcpy(target + o->offset, from + o->offset, field_size(o->type));
    if (o->type != OPTION_TEXT) {
        return true;
    }
    char **field = (char **)(void *)(target + o->offset);
    const bool has_text = *field != NULL;
    *field = has_text ? strdup(*field) : NULL;
    return *field || !has_text;
}

int option_copy(const struct option *table, void *target, const void *from)
{
    bool is_whole = true;
    for (const struct option *o = table; o && o->name; o++) {
        is_whole = copy_field(o, target, from) && is_whole;
    }
    if (!is_whole) {
        option_finish(table, target);
    }
    return is_whole ? 0 : -ENOMEM;
}

static void describe_choices(const struct option *o, char *out, size_t size)
{
    struct text t = {0};
    text_append(&t, "one of:");
    for (int i = 0; o->choices[i]; i++) {
        text_printf(&t, " %s", o->choices[i]);
    }
    text_copy(out, size, t.data ? t.data : "");
    text_finish(&t);
}

void option_describe(const struct option *o, char *out, size_t size)
{
    static const char *const words[] = {
        [OPTION_BOOL] = "on or off",
        [OPTION_INT] = "a whole number",
        [OPTION_BITRATE] = "bits per second such as 800k or 2M",
        [OPTION_BYTES] = "bytes such as 64k or 2M",
        [OPTION_DURATION] = "a duration such as 250ms, 10s or 5m",
        [OPTION_RATE] = "frames per second such as 30 or 30000/1001",
        [OPTION_SIZE] = "WIDTHxHEIGHT or one of 240p 360p 432p 480p 576p 720p 1080p",
        [OPTION_TEXT] = "text",
    };
    if (o->choices) {
        describe_choices(o, out, size);
        return;
    }
    if ((o->min == 0 && o->max == 0) || o->type == OPTION_RATE || o->type == OPTION_SIZE ||
        o->type == OPTION_BOOL || o->type == OPTION_TEXT) {
        text_copy(out, size, words[o->type]);
    } else if (o->type == OPTION_DURATION) {
        snprintf(out, size, "%s, from %gs to %gs", words[o->type], (double)o->min / 1e9,
                 (double)o->max / 1e9);
    } else {
        snprintf(out, size, "%s, from %lld to %lld", words[o->type], (long long)o->min,
                 (long long)o->max);
    }
}

int option_set(const struct option *table, void *target, const char *name, const char *value,
               struct option_error *error)
{
    const struct option *o = option_find(table, name);
    if (!o) {
        snprintf(error->sentence, sizeof(error->sentence), "unknown option '%.60s'", name);
        return -ENOENT;
    }
    const int result = set_field(o, target, value);
    if (result < 0) {
        char allowed[120];
        option_describe(o, allowed, sizeof(allowed));
        snprintf(error->sentence, sizeof(error->sentence),
                 "'%.60s' is no value for %s: it takes %s", value, o->name, allowed);
    }
    return result;
}
