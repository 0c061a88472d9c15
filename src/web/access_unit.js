/*
 * A message of /NAME/ws?format=h264: 24 bytes of header, big-endian, then one access unit in
 * Annex B form.
 *
 *   0  u8  version, 1          8  i64 capture time, ns since 1970, -1 unknown
 *   1  u8  track              16  i64 presentation time, ns
 *   2  u8  codec, 1 = H.264   24  access unit
 *   3  u8  flags
 *   4  u32 sequence; a gap is what the server left out for this viewer
 */
export const HEADER_BYTES = 24;
const VERSION = 1;
const CODEC_H264 = 1;
const FLAG_KEY = 1;
const FLAG_DISCONTINUITY = 2;

/* The message as an object; null if it is not one that we know. buffer is an ArrayBuffer. */
export function readAccessUnit(buffer) {
    if (buffer.byteLength <= HEADER_BYTES) {
        return null;
    }
    const view = new DataView(buffer);
    if (view.getUint8(0) !== VERSION || view.getUint8(2) !== CODEC_H264) {
        return null;
    }
    const captureNs = view.getBigInt64(8);
    const ptsNs = view.getBigInt64(16);
    const flags = view.getUint8(3);
    return {
        track: view.getUint8(1),
        isKey: (flags & FLAG_KEY) !== 0,
        isDiscontinuity: (flags & FLAG_DISCONTINUITY) !== 0,
        sequence: view.getUint32(4),
        captureMs: captureNs < 0n ? null : Number(captureNs / 1000n) / 1000,
        ptsUs: Number(ptsNs / 1000n),
        bytes: new Uint8Array(buffer, HEADER_BYTES),
    };
}

/* How many access units lie between two sequence numbers, which wrap at 2^32. */
export const sequenceGap = (previous, next) => ((next - previous) >>> 0) - 1;
