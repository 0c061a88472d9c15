#include "source/v4l2_device.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

int v4l2_ioctl(int fd, unsigned long request, void *arg)
{
    int result;
    do {
        result = ioctl(fd, request, arg);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static void explain_permission(const char *path, struct option_error *error)
{
    struct stat st;
    const bool is_known = stat(path, &st) == 0;
    const struct group *group = is_known && st.st_gid != 0 ? getgrgid(st.st_gid) : NULL;
    if (group) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: no permission for %.70s; become a member of group '%.24s' (sudo usermod "
                 "-aG %.24s $USER, then log in again)",
                 path, group->gr_name, group->gr_name);
    } else {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: no permission for %.70s; run as root, or let udev give it to group 'video'",
                 path);
    }
}

static int open_failed(const char *path, int code, struct option_error *error)
{
    if (code == -EACCES || code == -EPERM) {
        explain_permission(path, error);
    } else if (code == -ENOENT || code == -ENODEV || code == -ENXIO) {
        snprintf(error->sentence, sizeof(error->sentence),
                 "v4l2: there is no %.120s; is the camera plugged in? `avocet devices` lists them",
                 path);
    } else {
        snprintf(error->sentence, sizeof(error->sentence), "v4l2: cannot open %.120s, %s", path,
                 code == -EBUSY ? "another program uses it" : strerror(-code));
    }
    return code;
}

static int refuse(const char *path, const char *why, struct option_error *error)
{
    snprintf(error->sentence, sizeof(error->sentence), "v4l2: %.120s %s", path, why);
    return -ENOTSUP;
}

/* Why a node with these capabilities is no camera; NULL: it may be one. */
static const char *why_no_camera(unsigned caps)
{
    const unsigned capture = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE;
    if (caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)) {
        return "is a codec or converter, not a camera";
    }
    if (caps & (V4L2_CAP_META_CAPTURE | V4L2_CAP_META_OUTPUT)) {
        return "carries metadata, not pictures; the camera is another node";
    }
    if (!(caps & capture)) {
        return "does not capture pictures";
    }
    if (caps & V4L2_CAP_IO_MC) {
        return "is a bare sensor pipeline that needs libcamera; use rpicam:0";
    }
    if (!(caps & V4L2_CAP_STREAMING)) {
        return "does not stream (no memory-mapped buffers)";
    }
    return NULL;
}

static int identify(struct v4l2_device *d, struct option_error *error)
{
    struct v4l2_capability capability = {0};
    if (v4l2_ioctl(d->fd, VIDIOC_QUERYCAP, &capability) < 0) {
        return refuse(d->path, "is no V4L2 device", error);
    }
    const unsigned caps = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
                                                                         : capability.capabilities;
    text_copy(d->card, sizeof(d->card), (const char *)capability.card);
    text_copy(d->driver, sizeof(d->driver), (const char *)capability.driver);
    d->type = caps & V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                                            : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    const char *why = why_no_camera(caps);
    return why ? refuse(d->path, why, error) : 0;
}

int v4l2_device_open(struct v4l2_device *d, const char *path, struct option_error *error)
{
    *d = (struct v4l2_device){.fd = -1};
    if (!text_copy(d->path, sizeof(d->path), path)) {
        return open_failed(path, -ENAMETOOLONG, error);
    }
    d->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (d->fd < 0) {
        return open_failed(path, -errno, error);
    }
    const int result = identify(d, error);
    if (result < 0) {
        v4l2_device_close(d);
        return result;
    }
    return 0;
}

void v4l2_device_close(struct v4l2_device *d)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    d->fd = -1;
}

bool v4l2_device_has_dv_timings(const struct v4l2_device *d)
{
    struct v4l2_input input = {0};
    int index = 0;
    if (v4l2_ioctl(d->fd, VIDIOC_G_INPUT, &index) < 0) {
        return false;
    }
    input.index = (unsigned)index;
    return v4l2_ioctl(d->fd, VIDIOC_ENUMINPUT, &input) == 0 &&
           (input.capabilities & V4L2_IN_CAP_DV_TIMINGS);
}
