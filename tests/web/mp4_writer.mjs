/* Fragmented MP4 with prft, as small as it can be: what the page's MSE player expects. */
const TIMESCALE = 90000;
const NTP_EPOCH_MS = 2208988800000;

const u8 = (...values) => Buffer.from(values);
const u16 = (value) => u8(value >> 8, value & 255);
const u32 = (value) =>
    Buffer.from([24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) & 255));
const u64 = (value) => Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
const zeros = (n) => Buffer.alloc(n);

export function box(type, ...parts) {
    const body = Buffer.concat(parts);
    return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}

const full = (type, version, flags, ...parts) =>
    box(type, u8(version), u32(flags).subarray(1), ...parts);
const MATRIX = Buffer.concat([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map(u32));

export function initSegment(config, width, height) {
    const avc1 = box(
        'avc1',
        zeros(6),
        u16(1),
        zeros(16),
        u16(width),
        u16(height),
        u32(0x480000),
        u32(0x480000),
        zeros(4),
        u16(1),
        zeros(32),
        u16(24),
        u16(0xffff),
        box('avcC', config),
    );
    const stbl = box(
        'stbl',
        full('stsd', 0, 0, u32(1), avc1),
        full('stts', 0, 0, u32(0)),
        full('stsc', 0, 0, u32(0)),
        full('stsz', 0, 0, u32(0), u32(0)),
        full('stco', 0, 0, u32(0)),
    );
    const minf = box(
        'minf',
        full('vmhd', 0, 1, zeros(8)),
        box('dinf', full('dref', 0, 0, u32(1), full('url ', 0, 1))),
        stbl,
    );
    const mdia = box(
        'mdia',
        full('mdhd', 0, 0, zeros(8), u32(TIMESCALE), u32(0), u16(0x55c4), u16(0)),
        full('hdlr', 0, 0, zeros(4), Buffer.from('vide'), zeros(13)),
        minf,
    );
    const tkhd = full(
        'tkhd',
        0,
        3,
        zeros(8),
        u32(1),
        zeros(4),
        u32(0),
        zeros(16),
        MATRIX,
        u32(width * 65536),
        u32(height * 65536),
    );
    return Buffer.concat([
        box('ftyp', Buffer.from('iso6'), u32(1), Buffer.from('iso6avc1')),
        box(
            'moov',
            full(
                'mvhd',
                0,
                0,
                zeros(8),
                u32(1000),
                u32(0),
                u32(0x10000),
                u16(0x100),
                zeros(10),
                MATRIX,
                zeros(24),
                u32(2),
            ),
            box('trak', tkhd, mdia),
            box('mvex', full('trex', 0, 0, u32(1), u32(1), u32(0), u32(0), u32(0))),
        ),
    ]);
}

export function fragment({ sequence, ptsMs, durationMs, isKey, captureMs, avcc }) {
    const time = Math.round((ptsMs * TIMESCALE) / 1000);
    const ntp = u64(0);
    ntp.writeUInt32BE(Math.floor((captureMs + NTP_EPOCH_MS) / 1000), 0);
    ntp.writeUInt32BE(Math.floor((((captureMs + NTP_EPOCH_MS) % 1000) / 1000) * 2 ** 32), 4);
    const moof = (offset) =>
        box(
            'moof',
            full('mfhd', 0, 0, u32(sequence)),
            box(
                'traf',
                full('tfhd', 0, 0x20000, u32(1)),
                full('tfdt', 1, 0, u64(time)),
                full(
                    'trun',
                    0,
                    0x701,
                    u32(1),
                    u32(offset),
                    u32(Math.round((durationMs * TIMESCALE) / 1000)),
                    u32(avcc.length),
                    u32(isKey ? 0x2000000 : 0x1010000),
                ),
            ),
        );
    return Buffer.concat([
        full('prft', 1, 0, u32(1), ntp, u64(time)),
        moof(moof(0).length + 8),
        box('mdat', avcc),
    ]);
}

export const codecString = (config) => `avc1.${config.subarray(1, 4).toString('hex')}`;

/* avcC and length-prefixed NAL units to Annex B, parameter sets before keyframes. */
export function toAnnexB({ config, avcc, isKey }) {
    const start = u8(0, 0, 0, 1);
    const parts = [];
    if (isKey) {
        const spsSize = config.readUInt16BE(6);
        const ppsAt = 8 + spsSize + 1;
        parts.push(
            start,
            config.subarray(8, 8 + spsSize),
            start,
            config.subarray(ppsAt + 2, ppsAt + 2 + config.readUInt16BE(ppsAt)),
        );
    }
    for (let at = 0; at + 4 <= avcc.length; at += 4 + avcc.readUInt32BE(at)) {
        parts.push(start, avcc.subarray(at + 4, at + 4 + avcc.readUInt32BE(at)));
    }
    return Buffer.concat(parts);
}
