/*
 * Time as int64_t nanoseconds.
 *
 * Two clocks, never mixed: monotonic (ages, budgets, pacing, timers, media time stamps) and real
 * (capture times that are carried and shown, nanoseconds since 1970 UTC).
 *
 * Thread: any.
 */
#ifndef AVOCET_BASE_TIME_H
#define AVOCET_BASE_TIME_H

#include <stdint.h>

#define TIME_NONE INT64_MIN /* unknown time */
#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

int64_t time_monotonic_ns(void);
int64_t time_real_ns(void);

/* value × num / den, rounded towards minus infinity, without overflow in between; den > 0. */
int64_t time_rescale(int64_t value, int64_t num, int64_t den);

/* 64-bit NTP time stamp (RFC 5905 §6: seconds since 1900 in the high half) of a real time. */
uint64_t time_real_to_ntp(int64_t real_ns);
int64_t time_ntp_to_real(uint64_t ntp);

#endif
