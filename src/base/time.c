#include "base/time.h"

#include <time.h>

#define NTP_UNIX_OFFSET_S UINT64_C(2208988800)

static int64_t clock_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t time_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t time_real_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t time_rescale(int64_t value, int64_t num, int64_t den)
{
    const __int128 product = (__int128)value * num;
    __int128 quotient = product / den;
    if (product % den < 0) {
        quotient--;
    }
    return (int64_t)quotient;
}

uint64_t time_real_to_ntp(int64_t real_ns)
{
    const uint64_t seconds = (uint64_t)(real_ns / NS_PER_S) + NTP_UNIX_OFFSET_S;
    const uint64_t rest_ns = (uint64_t)(real_ns % NS_PER_S);
    return seconds << 32 | ((rest_ns << 32) / (uint64_t)NS_PER_S);
}

int64_t time_ntp_to_real(uint64_t ntp)
{
    const int64_t seconds = (int64_t)((ntp >> 32) - NTP_UNIX_OFFSET_S);
    const uint64_t rest_ns = ((ntp & UINT32_MAX) * (uint64_t)NS_PER_S + (UINT64_C(1) << 31)) >> 32;
    return seconds * NS_PER_S + (int64_t)rest_ns;
}
