/*
 * Which SRTP profile this machine is faster with.
 *
 * Thread: one.
 */
#ifndef AVOCET_NET_WEBRTC_PROFILES_H
#define AVOCET_NET_WEBRTC_PROFILES_H

#include "proto/srtp.h"

enum { WEBRTC_PROFILES = 2 };

/* Tries both for about a millisecond; the faster one first. One that libcrypto lacks is left out:
 * SRTP_PROFILE_NONE. */
void webrtc_profiles_measure(struct srtp_engine *engine, enum srtp_profile out[WEBRTC_PROFILES]);

#endif
