/*
 * The numbers of RTCP. Used by rtcp.c and rtcp_write.c.
 *
 * Spec: RFC 3550 §6; RFC 4585 §6.1; RFC 3611 §4; draft-alvestrand-rmcat-remb-03 §2.2.
 */
#ifndef AVOCET_PROTO_RTCP_FORMAT_H
#define AVOCET_PROTO_RTCP_FORMAT_H

#include <stdint.h>

/*
 *  0                   1                   2                   3
 * |V=2|P| count/FMT |  packet type  |    length in words - 1      |
 * |                    SSRC of packet sender                      |
 */
enum {
    PT_SR = 200,
    PT_RR = 201,
    PT_SDES = 202,
    PT_BYE = 203,
    PT_RTPFB = 205,
    PT_PSFB = 206,
    PT_XR = 207,
    FMT_NACK = 1,
    FMT_PLI = 1,
    FMT_FIR = 4,
    FMT_AFB = 15, /* application layer feedback: REMB */
    XR_RRTR = 4,
    XR_DLRR = 5,
    SDES_CNAME = 1,
    HEADER_SIZE = 4,
    REPORT_BLOCK_SIZE = 24,
    NACK_SPAN = 17, /* sequence numbers that one FCI entry can name */
    REMB_MANTISSA_BITS = 18,
    BLOCKS_MAX = 31,
};

#define REMB_NAME UINT32_C(0x52454d42) /* "REMB" */

#endif
