#include "bitstream/h264_sets.h"

#include <errno.h>
#include <stdlib.h>

#include "bitstream/h264_nal.h"

void h264_sets_finish(struct h264_sets *sets)
{
    for (size_t i = 0; i < H264_SPS_IDS; i++) {
        free(sets->sps[i]);
    }
    for (size_t i = 0; i < H264_PPS_IDS; i++) {
        free(sets->pps[i]);
    }
    *sets = (struct h264_sets){0};
}

/* Memory for an entry with the NAL unit behind it. */
static void *create_entry(size_t entry_size, struct bytes nal, struct bytes *copy)
{
    uint8_t *entry = malloc(entry_size + nal.size);
    if (entry) {
        memcpy(entry + entry_size, nal.data, nal.size);
        *copy = bytes_of(entry + entry_size, nal.size);
    }
    return entry;
}

static int put_sps(struct h264_sets *sets, struct bytes nal)
{
    struct h264_sps sps;
    const int rc = h264_sps_parse(nal, &sps);
    if (rc < 0) {
        return rc;
    }
    struct h264_sps_entry *old = sets->sps[sps.id];
    if (old && bytes_equal(old->nal, nal)) {
        return 0;
    }
    struct bytes copy;
    struct h264_sps_entry *entry = create_entry(sizeof(*entry), nal, &copy);
    if (!entry) {
        return -ENOMEM;
    }
    *entry = (struct h264_sps_entry){.sps = sps, .nal = copy};
    free(old);
    sets->sps[sps.id] = entry;
    return 1;
}

static int put_pps(struct h264_sets *sets, struct bytes nal)
{
    struct h264_pps pps;
    const int rc = h264_pps_parse(nal, &pps);
    if (rc < 0) {
        return rc;
    }
    struct h264_pps_entry *old = sets->pps[pps.id];
    if (old && bytes_equal(old->nal, nal)) {
        return 0;
    }
    struct bytes copy;
    struct h264_pps_entry *entry = create_entry(sizeof(*entry), nal, &copy);
    if (!entry) {
        return -ENOMEM;
    }
    *entry = (struct h264_pps_entry){.pps = pps, .is_unsent = true, .nal = copy};
    free(old);
    sets->pps[pps.id] = entry;
    return 1;
}

int h264_sets_put(struct h264_sets *sets, struct bytes nal)
{
    switch (h264_nal_type(nal)) {
    case H264_NAL_SPS:
        return put_sps(sets, nal);
    case H264_NAL_PPS:
        return put_pps(sets, nal);
    default:
        return 0;
    }
}

bool h264_sets_has_sps(const struct h264_sets *sets)
{
    for (size_t i = 0; i < H264_SPS_IDS; i++) {
        if (sets->sps[i]) {
            return true;
        }
    }
    return false;
}

bool h264_sets_find(const struct h264_sets *sets, uint32_t pps_id, const struct h264_sps **sps,
                    const struct h264_pps **pps)
{
    if (pps_id >= H264_PPS_IDS || !sets->pps[pps_id]) {
        return false;
    }
    const struct h264_pps *found = &sets->pps[pps_id]->pps;
    if (!sets->sps[found->sps_id]) {
        return false;
    }
    *pps = found;
    *sps = &sets->sps[found->sps_id]->sps;
    return true;
}
