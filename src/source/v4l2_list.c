#include "source/v4l2_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "source/v4l2_controls.h"
#include "source/v4l2_format.h"

enum { NODES_MAX = 256 };

/* A link in folder to the same device; empty when there is none. */
static void find_link(const char *folder, dev_t device, char *out, size_t size)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device &&
            text_copy(out, size, path)) {
            break;
        }
        out[0] = '\0';
    }
    if (dir) {
        closedir(dir);
    }
}

/* by-id says which camera, by-path which socket; without udev there is only the node. */
static void find_stable_name(const char *node, char *out, size_t size)
{
    struct stat st;
    out[0] = '\0';
    if (stat(node, &st) == 0) {
        find_link("/dev/v4l/by-id", st.st_rdev, out, size);
        if (out[0] == '\0') {
            find_link("/dev/v4l/by-path", st.st_rdev, out, size);
        }
    }
    if (out[0] == '\0') {
        text_copy(out, size, node);
    }
}

/* Streaming is what only one program can do; asking for buffers tells, and changes nothing. */
static bool is_busy(const struct v4l2_device *d)
{
    struct v4l2_requestbuffers none = {.type = d->type, .memory = V4L2_MEMORY_MMAP};
    return v4l2_ioctl(d->fd, VIDIOC_REQBUFS, &none) == -EBUSY;
}

static bool has_usable_mode(const struct v4l2_device *d)
{
    struct v4l2_fmtdesc e = {.type = d->type};
    for (; v4l2_ioctl(d->fd, VIDIOC_ENUM_FMT, &e) == 0; e.index++) {
        if (v4l2_pixel_find(e.pixelformat)) {
            return true;
        }
    }
    return false;
}

/* Sentences begin with "v4l2: NODE", which the list says already. */
static const char *without_node(const char *sentence, const char *node)
{
    const char *found = strstr(sentence, node);
    return found && found[strlen(node)] == ' ' ? found + strlen(node) + 1 : sentence;
}

static void look_at(struct source_device *device)
{
    struct v4l2_device d;
    struct option_error error = {0};
    struct text details = {0};
    const int result = v4l2_device_open(&d, device->node, &error);
    text_copy(device->name, sizeof(device->name), d.card);
    if (result < 0) {
        text_copy(device->problem, sizeof(device->problem),
                  without_node(error.sentence, device->node));
        return;
    }
    if (!has_usable_mode(&d)) {
        text_copy(device->problem, sizeof(device->problem), "offers no format that we know");
    } else if (is_busy(&d)) {
        text_copy(device->problem, sizeof(device->problem), "another program uses it");
    }
    v4l2_format_describe(&d, &details);
    v4l2_controls_describe(&d, &details);
    device->details = text_take(&details);
    v4l2_device_close(&d);
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static size_t find_numbers(int numbers[NODES_MAX])
{
    size_t n = 0;
    DIR *dir = opendir("/dev");
    for (struct dirent *e; dir && (e = readdir(dir)) && n < NODES_MAX;) {
        int number = 0;
        char rest = 0;
        if (sscanf(e->d_name, "video%d%c", &number, &rest) == 1 && number >= 0) {
            numbers[n++] = number;
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(numbers, n, sizeof(numbers[0]), compare_numbers);
    return n;
}

int v4l2_list(void (*each)(const struct source_device *device, void *arg), void *arg)
{
    int numbers[NODES_MAX];
    const size_t n = find_numbers(numbers);
    for (size_t i = 0; i < n; i++) {
        struct source_device device = {0};
        char name[sizeof(device.url) - sizeof("v4l2:")];
        snprintf(device.node, sizeof(device.node), "/dev/video%d", numbers[i]);
        find_stable_name(device.node, name, sizeof(name));
        snprintf(device.url, sizeof(device.url), "v4l2:%s", name);
        look_at(&device);
        each(&device, arg);
        free(device.details);
    }
    return 0;
}
