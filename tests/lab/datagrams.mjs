/*
 * Receivers of datagrams for tests: unicast or multicast, on a free port of this machine, and what
 * stands in MPEG-TS and RTP.
 */
import dgram from 'node:dgram';

import { until } from './avocet.mjs';

export class Receiver {
    /* group: an IPv4 multicast address, received on loopback; port: another one than any free one */
    static async open({ address = '127.0.0.1', group, port = 0 } = {}) {
        const receiver = new Receiver();
        const is6 = address.includes(':');
        receiver.datagrams = [];
        receiver.times = [];
        receiver.socket = dgram.createSocket({ type: is6 ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 });
        receiver.socket.on('message', (bytes) => {
            receiver.datagrams.push(bytes);
            receiver.times.push(performance.now());
        });
        await new Promise((resolve, reject) => {
            receiver.socket.on('error', reject).bind(port, group ?? address, resolve);
        });
        if (group) {
            receiver.socket.addMembership(group, '127.0.0.1');
        }
        receiver.port = receiver.socket.address().port;
        return receiver;
    }

    get bytes() {
        return Buffer.concat(this.datagrams);
    }

    comes(n_datagrams = 50) {
        const wanted = this.datagrams.length + n_datagrams;
        return until(() => this.datagrams.length >= wanted, `${wanted} datagrams come`, { ms: 10000 });
    }

    close() {
        this.socket.close();
    }
}

/* Two receivers on neighbouring ports, the lower one even: RTP and its RTCP. */
export async function openPair(options = {}) {
    for (;;) {
        const lower = await Receiver.open(options);
        const upper = lower.port % 2 === 0 &&
            await Receiver.open({ ...options, port: lower.port + 1 }).catch(() => undefined);
        if (upper) {
            return [lower, upper];
        }
        lower.close();
    }
}

/* {pid, counter, hasPayload, isMarked (discontinuity)} of each packet of a transport stream. */
export function tsPackets(bytes) {
    const packets = [];
    for (let at = 0; at + 188 <= bytes.length; at += 188) {
        packets.push({
            isSynced: bytes[at] === 0x47,
            pid: bytes.readUInt16BE(at + 1) & 0x1fff,
            counter: bytes[at + 3] & 15,
            hasPayload: (bytes[at + 3] & 0x10) !== 0,
            isMarked: (bytes[at + 3] & 0x20) !== 0 && bytes[at + 4] > 0 && (bytes[at + 5] & 0x80) !== 0,
        });
    }
    return packets;
}

/* How often a continuity counter is not the one that was due, without a mark. */
export function tsGaps(bytes) {
    const counters = new Map();
    let n_gaps = 0;
    for (const { pid, counter, hasPayload, isMarked } of tsPackets(bytes)) {
        const due = (counters.get(pid) + (hasPayload ? 1 : 0)) & 15;
        n_gaps += counters.has(pid) && counter !== due && !isMarked;
        counters.set(pid, counter);
    }
    return n_gaps;
}

export function parseRtp(bytes) {
    return {
        version: bytes[0] >> 6,
        marker: (bytes[1] & 0x80) !== 0,
        type: bytes[1] & 0x7f,
        sequence: bytes.readUInt16BE(2),
        timestamp: bytes.readUInt32BE(4),
        ssrc: bytes.readUInt32BE(8),
        payload: bytes.subarray(12),
    };
}
