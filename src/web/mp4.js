/*
 * The few boxes of fragmented MP4 that tell when a frame was captured and when it is due.
 *
 * Readers return null for what is not there or broken; they never throw and never read outside.
 * Spec: ISO/IEC 14496-12 §4.2 (box), §8.4.2 (mdhd), §8.8.8 (trun), §8.8.12 (tfdt), §8.16.5
 * (prft).
 */
const NTP_EPOCH_MS = 2208988800000; // from 1900 to 1970
const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'moof', 'traf']);
const MAX_BOXES = 1000;
const SAMPLE_IS_NON_SYNC = 0x10000;

/* Calls visit(type, view of the payload) for every box, in file order, parents first. */
export function walkBoxes(view, visit, budget = { boxes: MAX_BOXES }) {
    let at = 0;
    while (at + 8 <= view.byteLength && budget.boxes-- > 0) {
        let size = view.getUint32(at);
        let header = 8;
        if (size === 1 && at + 16 <= view.byteLength) {
            size = Number(view.getBigUint64(at + 8));
            header = 16;
        } else if (size === 0) {
            size = view.byteLength - at; // up to the end
        }
        if (size < header || at + size > view.byteLength) {
            return;
        }
        const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
        const payload = new DataView(view.buffer, view.byteOffset + at + header, size - header);
        visit(type, payload);
        if (CONTAINERS.has(type)) {
            walkBoxes(payload, visit, budget);
        }
        at += size;
    }
}

/* Units of time per second of the first track; null if this is no init segment. */
export function readTimescale(buffer) {
    let timescale = null;
    walkBoxes(new DataView(buffer), (type, box) => {
        const at = type === 'mdhd' && box.byteLength >= 24 ? (box.getUint8(0) === 1 ? 20 : 12) : -1;
        if (at > 0 && timescale === null && box.getUint32(at) > 0) {
            timescale = box.getUint32(at);
        }
    });
    return timescale;
}

/*
 *   0  u8 version, u24 flags
 *   4  u32 reference track
 *   8  u64 time of capture, NTP: seconds since 1900 and 2^-32 fractions
 *  16  u32 or, from version 1 on, u64 media time
 */
function readPrft(box) {
    const isWide = box.byteLength >= 24 && box.getUint8(0) >= 1;
    if (!isWide && (box.byteLength < 20 || box.getUint8(0) !== 0)) {
        return null;
    }
    return {
        captureMs: box.getUint32(8) * 1000 - NTP_EPOCH_MS + (box.getUint32(12) * 1000) / 2 ** 32,
        mediaTime: isWide ? Number(box.getBigUint64(16)) : box.getUint32(16),
    };
}

/* Duration of the first sample, if the box says it; flags say which fields there are. */
function readTrunDuration(box) {
    const flags = box.byteLength >= 8 ? box.getUint32(0) & 0xffffff : 0;
    const at = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
    return flags & 0x100 && box.byteLength >= at + 4 ? box.getUint32(at) : null;
}

/* Whether the first sample can be begun at; null if the box does not say it. */
function readTrunIsKey(box) {
    const flags = box.byteLength >= 8 ? box.getUint32(0) & 0xffffff : 0;
    const isOfFirst = (flags & 0x4) !== 0;
    const before = isOfFirst ? 0x1 : flags & 0x301; // fields of 32 bits in front of it
    const at = 8 + 4 * [0x1, 0x100, 0x200].filter((field) => before & flags & field).length;
    if (!(flags & 0x404) || box.byteLength < at + 4) {
        return null;
    }
    return (box.getUint32(at) & SAMPLE_IS_NON_SYNC) === 0;
}

/*
 * A fragment: capture {captureMs, mediaTime}, decodeTime and duration in units of the track, isKey,
 * each null if it is not there; setDecodeTime(time) changes it in place, null where it cannot be.
 */
export function readFragment(buffer) {
    const found = {
        capture: null,
        decodeTime: null,
        duration: null,
        isKey: null,
        setDecodeTime: null,
    };
    walkBoxes(new DataView(buffer), (type, box) => {
        if (type === 'prft') {
            found.capture ??= readPrft(box);
        } else if (type === 'trun') {
            found.duration ??= readTrunDuration(box);
            found.isKey ??= readTrunIsKey(box);
        } else if (
            type === 'tfdt' &&
            found.decodeTime === null &&
            box.byteLength >= 12 &&
            box.getUint8(0) === 1
        ) {
            found.decodeTime = Number(box.getBigUint64(4));
            found.setDecodeTime = (time) => box.setBigUint64(4, BigInt(time));
        } else if (
            type === 'tfdt' &&
            found.decodeTime === null &&
            box.byteLength >= 8 &&
            box.getUint8(0) === 0
        ) {
            found.decodeTime = box.getUint32(4);
        }
    });
    return found;
}
