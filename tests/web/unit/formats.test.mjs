import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readAccessUnit, sequenceGap } from '../../../src/web/access_unit.js';
import { Behind } from '../../../src/web/behind.js';
import { readFragment, readTimescale, walkBoxes } from '../../../src/web/mp4.js';
import { Timeline } from '../../../src/web/timeline.js';
import {
    crc8,
    readTimecodePixels,
    timecodeLayout,
    unwrapTimecode,
} from '../../../src/web/timecode.js';
import { HEIGHT, WIDTH, drawPicture } from '../source.mjs';
import { box, fragment, initSegment } from '../mp4_writer.mjs';

const arrayBuffer = (bytes) => Uint8Array.from(bytes).buffer;

const HEADER = [
    1,
    0,
    1,
    3, // version, track, codec, key and discontinuity
    0xff,
    0xff,
    0xff,
    0xfe, // sequence
    0x18,
    0x79,
    0x5e,
    0x0f,
    0x64,
    0xf0,
    0x7b,
    0x15, // capture time, 1763636363123456789 ns
    0,
    0,
    0,
    2,
    0x54,
    0x0b,
    0xe4,
    0x00, // pts, 10000000000 ns
];

test('access unit: every field', () => {
    const unit = readAccessUnit(arrayBuffer([...HEADER, 0, 0, 0, 1, 0x65]));
    assert.equal(unit.track, 0);
    assert.equal(unit.isKey, true);
    assert.equal(unit.isDiscontinuity, true);
    assert.equal(unit.sequence, 4294967294);
    assert.equal(unit.ptsUs, 10000000);
    assert.ok(
        Math.abs(unit.captureMs - Number(BigInt('0x18795e0f64f07b15') / 1000n) / 1000) < 0.001,
    );
    assert.deepEqual([...unit.bytes], [0, 0, 0, 1, 0x65]);
});

test('access unit: an unknown capture time is null', () => {
    const bytes = [...HEADER, 9];
    bytes.fill(0xff, 8, 16);
    assert.equal(readAccessUnit(arrayBuffer(bytes)).captureMs, null);
});

test('access unit: what is not one is null', () => {
    const rows = {
        empty: [],
        'header only': HEADER,
        'another version': [2, ...HEADER.slice(1), 0],
        'another codec': [1, 0, 9, ...HEADER.slice(3), 0],
    };
    for (const [name, bytes] of Object.entries(rows)) {
        assert.equal(readAccessUnit(arrayBuffer(bytes)), null, name);
    }
});

test('access unit: gaps, also across the wrap', () => {
    const rows = [
        [1, 2, 0],
        [1, 4, 2],
        [2 ** 32 - 1, 0, 0],
        [2 ** 32 - 2, 1, 2],
    ];
    for (const [previous, next, expected] of rows) {
        assert.equal(sequenceGap(previous, next), expected);
    }
});

const CONFIG = Buffer.from('0142c01effe1000467640020010002' + '68ce', 'hex');

test('mp4: time scale of an init segment', () => {
    assert.equal(readTimescale(arrayBuffer(initSegment(CONFIG, 640, 360))), 90000);
    assert.equal(
        readTimescale(
            arrayBuffer(
                fragment({
                    sequence: 1,
                    ptsMs: 0,
                    durationMs: 33,
                    captureMs: 0,
                    avcc: Buffer.alloc(4),
                }),
            ),
        ),
        null,
    );
});

test('mp4: capture time and decode time of a fragment', () => {
    const captureMs = 1763636363123.25;
    const written = fragment({
        sequence: 7,
        ptsMs: 3600000,
        durationMs: 33,
        isKey: true,
        captureMs,
        avcc: Buffer.alloc(100),
    });
    const { capture, decodeTime, duration, isKey } = readFragment(arrayBuffer(written));
    assert.ok(Math.abs(capture.captureMs - captureMs) < 0.001);
    assert.equal(capture.mediaTime, 3600 * 90000);
    assert.equal(decodeTime, 3600 * 90000);
    assert.equal(duration, 2970);
    assert.equal(isKey, true);
});

test('mp4: the decode time is changed in place', () => {
    const buffer = arrayBuffer(
        fragment({ sequence: 7, ptsMs: 5000, durationMs: 33, captureMs: 0, avcc: Buffer.alloc(9) }),
    );
    readFragment(buffer).setDecodeTime(2 ** 33 + 5);
    assert.equal(readFragment(buffer).decodeTime, 2 ** 33 + 5);
});

test('mp4: duration of a sample, whatever fields come before it', () => {
    const rows = [
        ['000100', 1],
        ['000101', 1],
        ['000104', 1],
        ['000105', 1],
        ['000001', null],
    ];
    for (const [flags, expected] of rows) {
        const before =
            (parseInt(flags, 16) & 1 ? 'ffffffff' : '') +
            (parseInt(flags, 16) & 4 ? 'eeeeeeee' : '');
        const trun = box('trun', Buffer.from(`00${flags}00000001${before}00000001`, 'hex'));
        assert.equal(readFragment(arrayBuffer(trun)).duration, expected, flags);
    }
});

test('mp4: keyframe or not, whatever fields come before it', () => {
    const key = '02000000';
    const other = '01010000';
    const rows = [
        ['000004', key, true],
        ['000005', `ffffffff${other}`, false],
        ['000704', key + 'ffffffff'.repeat(3), true],
        ['000400', other, false],
        ['000701', `${'ffffffff'.repeat(3)}${key}`, true],
        ['000701', `${'00000000'.repeat(3)}${other}`, false],
        ['000701', 'ffffffff'.repeat(3), null],
        ['000301', 'ffffffff'.repeat(3), null],
    ];
    for (const [flags, fields, expected] of rows) {
        const trun = box('trun', Buffer.from(`00${flags}00000001${fields}`, 'hex'));
        assert.equal(readFragment(arrayBuffer(trun)).isKey, expected, flags);
    }
});

test('behind: a removal ends before a keyframe, 10 s behind what is played', () => {
    const rows = [
        ['too little', [0, 2, 4], 0, 20, null],
        ['every 2 s', [0, 2, 4, 6, 8, 10, 12, 14], 0, 21, 10],
        ['a long group of pictures', [0], 0, 500, null],
        ['the next one came, but not 10 s ago', [0, 60], 0, 69, null],
        ['and now', [0, 60], 0, 70, 60],
        ['removed already', [0, 60], 59.999, 100, null],
        ['none known', [], 0, 100, null],
    ];
    for (const [name, keys, startS, nowS, expected] of rows) {
        const behind = new Behind();
        keys.forEach((timeS) => behind.keyframe(timeS));
        for (let i = 0; i < 2; i++) {
            const end = behind.end(startS, nowS);
            if (expected === null) {
                assert.equal(end, null, name);
            } else {
                assert.ok(end < expected && end > expected - 0.01, name);
            }
        }
    }
});

test('behind: keyframes are forgotten, the oldest first', () => {
    const behind = new Behind();
    for (let n = 0; n < 100000; n++) {
        behind.keyframe(n / 100);
    }
    assert.ok(behind.end(0, 999.995 + 10) > 999);
    assert.equal(behind.end(0, 980), null);
});

test('timeline: distances stay, holes shrink, time never runs backwards', () => {
    const rows = [
        ['even', [100, 103, 106], [0, 3, 6]],
        ['slower than said', [100, 105, 110], [0, 5, 10]],
        ['a hole', [100, 103, 200, 203], [0, 3, 8, 11]],
        ['the camera began again', [1000, 1003, 0, 3], [0, 3, 6, 9]],
        ['twice the same', [5, 5, 8], [0, 3, 6]],
    ];
    for (const [name, times, expected] of rows) {
        const timeline = new Timeline();
        assert.deepEqual(
            times.map((time) => timeline.place(time, 3)),
            expected,
            name,
        );
    }
});

test('mp4: prft of version 0 has 32 bits of media time', () => {
    const prft = box(
        'prft',
        Buffer.from('00000000' + '00000001' + '83aa7e80' + '80000000' + '00015f90', 'hex'),
    );
    assert.deepEqual(readFragment(arrayBuffer(prft)).capture, { captureMs: 500, mediaTime: 90000 });
});

test('mp4: sizes of 64 bits, and up to the end', () => {
    const seen = [];
    const bytes = Buffer.concat([
        Buffer.from('00000001' + '66726565' + '0000000000000012' + 'abcd', 'hex'), // free, 18 bytes
        Buffer.from('00000000' + '6d646174' + '010203', 'hex'), // mdat, up to the end
    ]);
    walkBoxes(new DataView(arrayBuffer(bytes)), (type, payload) =>
        seen.push([type, payload.byteLength]),
    );
    assert.deepEqual(seen, [
        ['free', 2],
        ['mdat', 3],
    ]);
});

test('mp4: broken input gives nulls and no exception', () => {
    const whole = Buffer.concat([
        initSegment(CONFIG, 640, 360),
        fragment({ sequence: 1, ptsMs: 40, durationMs: 33, captureMs: 5, avcc: Buffer.alloc(9) }),
    ]);
    let seed = 1;
    const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
    for (let i = 0; i < 3000; i++) {
        const bytes = Buffer.from(whole.subarray(0, Math.floor(random() * (whole.length + 1))));
        for (let n = 0; n < 4 && bytes.length; n++) {
            bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        }
        readTimescale(arrayBuffer(bytes));
        readFragment(arrayBuffer(bytes));
    }
    assert.deepEqual(readFragment(arrayBuffer([])), {
        capture: null,
        decodeTime: null,
        duration: null,
        isKey: null,
        setDecodeTime: null,
    });
    assert.equal(readTimescale(arrayBuffer([0, 0, 0, 4, 0x6d, 0x6f, 0x6f, 0x76])), null);
});

/* The strip of an I420 picture as RGBA, as a canvas would give it. */
function stripOf(picture) {
    const { block, left, height, width } = timecodeLayout(WIDTH);
    const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            pixels.fill(
                picture[y * WIDTH + left + x],
                (y * width + x) * 4,
                (y * width + x) * 4 + 3,
            );
        }
    }
    return readTimecodePixels(pixels, width, block, height);
}

test('timecode: what is drawn is read', () => {
    const picture = Buffer.alloc((WIDTH * HEIGHT * 3) / 2);
    for (const ms of [0, 1, 1763636363123, 2 ** 40 - 1, 2 ** 40 + 77]) {
        drawPicture(picture, 3, ms);
        assert.equal(stripOf(picture), ms % 2 ** 40);
    }
});

test('timecode: a picture without one is null', () => {
    assert.equal(stripOf(Buffer.alloc(WIDTH * HEIGHT, 200)), null);
    const picture = Buffer.alloc((WIDTH * HEIGHT * 3) / 2);
    drawPicture(picture, 3, 1763636363123);
    const { block, left } = timecodeLayout(WIDTH);
    for (let y = 0; y < 2 * block; y++) {
        picture.fill(
            picture[y * WIDTH + left + 5 * block] > 128 ? 0 : 255,
            y * WIDTH + left + 5 * block,
            y * WIDTH + left + 6 * block,
        );
    }
    assert.equal(stripOf(picture), null, 'one wrong bit');
});

test('timecode: the CRC is CRC-8 of polynomial 0x07', () => {
    assert.equal(crc8(Buffer.from('123456789')), 0xf4); // the check value of CRC-8/SMBUS
});

test('timecode: the time nearest to now is meant', () => {
    const now = 1795173286018;
    assert.equal(unwrapTimecode(now % 2 ** 40, now + 5), now);
    assert.equal(unwrapTimecode(2 ** 40 - 1, 2 ** 41), 2 ** 41 - 1);
    assert.equal(unwrapTimecode(1, 2 ** 41 - 5), 2 ** 41 + 1);
});
