/*
 * Reads the time of capture that the test picture carries in itself: a row of 48 blocks at the
 * top left, light for 1 and dark for 0, most significant bit first: 40 bits of milliseconds since
 * 1970, modulo 2^40, and a CRC-8 (polynomial 0x07) over those five bytes.
 */
const BITS = 48;
const MODULO_MS = 2 ** 40;
const THRESHOLD = 128;

/* Where the blocks are in a picture of this width, in pixels. */
export function timecodeLayout(width) {
    const block = Math.floor(width / 52);
    return { block, left: 2 * block, height: 2 * block, width: BITS * block };
}

export function crc8(bytes) {
    let crc = 0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let i = 0; i < 8; i++) {
            crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
        }
    }
    return crc;
}

/* Mean luma of the middle half of a block, in RGBA pixels of a strip `stride` pixels wide. */
function blockLuma(pixels, stride, left, block, height) {
    const quarter = (n) => Math.max(0, Math.floor(n / 4));
    let sum = 0;
    let n = 0;
    for (let y = quarter(height); y < height - quarter(height); y++) {
        for (let x = left + quarter(block); x < left + block - quarter(block); x++) {
            const at = (y * stride + x) * 4;
            sum += 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
            n++;
        }
    }
    return sum / n;
}

/* Milliseconds since 1970 modulo 2^40 from RGBA pixels beginning at the first block; null: none. */
export function readTimecodePixels(pixels, stride, block, height) {
    const bytes = new Uint8Array(BITS / 8);
    for (let bit = 0; bit < BITS; bit++) {
        if (blockLuma(pixels, stride, bit * block, block, height) >= THRESHOLD) {
            bytes[bit >> 3] |= 0x80 >> (bit & 7);
        }
    }
    if (crc8(bytes.subarray(0, 5)) !== bytes[5]) {
        return null;
    }
    return bytes.subarray(0, 5).reduce((value, byte) => value * 256 + byte, 0);
}

/* The whole time that `ms` modulo 2^40 stands for, the one nearest to `nearMs`. */
export function unwrapTimecode(ms, nearMs) {
    return ms + Math.round((nearMs - ms) / MODULO_MS) * MODULO_MS;
}

/* Time of capture of the picture that a video, canvas or img shows, ms since 1970; null: none. */
export function readTimecode(element, nearMs = Date.now()) {
    const width = element.videoWidth || element.naturalWidth || element.width || 0;
    const { block, left, height, width: span } = timecodeLayout(width);
    if (block < 1) {
        return null;
    }
    const canvas = new OffscreenCanvas(span, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(element, left, 0, span, height, 0, 0, span, height);
    const { data } = context.getImageData(0, 0, span, height);
    const ms = readTimecodePixels(data, span, block, height);
    return ms === null ? null : unwrapTimecode(ms, nearMs);
}
