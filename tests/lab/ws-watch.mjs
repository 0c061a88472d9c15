/*
 * A WebSocket viewer that measures: ws-watch.mjs URL SECONDS prints a line "seen_ms latency_ms" for
 * each frame, times in milliseconds since 1970, then {"frames":…,"bytes":…,"gaps":…}.
 *
 * format=h264 tells capture times in its header, format=mp4 in each fragment's prft. The frame is
 * seen when its last byte is here; nothing is decoded.
 */
import { WebSocket } from 'ws';

const [url, seconds] = process.argv.slice(2);
const NTP_EPOCH_S = 2208988800;
const KEYFRAME = 1; /* flag */
const counts = { frames: 0, bytes: 0, gaps: 0, gaps_to_key: 0 };
let isMp4 = false;
let next = null;

/* version 1 prft: u32 size, 'prft', u8 version, u24 flags, u32 track, u64 ntp, u64 media time */
function prftMs(bytes) {
    if (bytes.toString('latin1', 4, 8) !== 'prft') {
        return null;
    }
    return (bytes.readUInt32BE(16) - NTP_EPOCH_S + bytes.readUInt32BE(20) / 2 ** 32) * 1000;
}

function headerMs(bytes) {
    const sequence = bytes.readUInt32BE(4);
    if (next !== null && sequence !== next) {
        counts.gaps++;
        counts.gaps_to_key += bytes[3] & KEYFRAME;
    }
    next = (sequence + 1) >>> 0;
    return Number(bytes.readBigInt64BE(8) / 1000n) / 1000;
}

const socket = new WebSocket(url, { perMessageDeflate: false });
socket.on('message', (bytes, isBinary) => {
    if (!isBinary) {
        const text = JSON.parse(bytes);
        isMp4 = text.type === 'hello' ? text.format === 'mp4' : isMp4;
        return;
    }
    const seen = performance.timeOrigin + performance.now();
    const captured = isMp4 ? prftMs(bytes) : headerMs(bytes);
    counts.bytes += bytes.length;
    if (captured !== null) {
        counts.frames++;
        console.log(`${seen.toFixed(1)} ${(seen - captured).toFixed(1)}`);
    }
});
socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
});
socket.on('open', () => setTimeout(() => {
    console.log(JSON.stringify(counts));
    process.exit(0);
}, seconds * 1000));
