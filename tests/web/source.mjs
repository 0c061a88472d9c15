/*
 * A test picture with the timecode of timecode.js, encoded by ffmpeg: H.264 by way of FLV, whose
 * tags say at once where an access unit ends, and JPEG. For tests of the page without the server.
 */
import { spawn } from 'node:child_process';
import { crc8, timecodeLayout } from '../../src/web/timecode.js';

export const WIDTH = 640;
export const HEIGHT = 360;
export const FPS = 30;

export const realMs = () => performance.timeOrigin + performance.now();

/* One I420 picture: the strip, a moving bar, grey. */
export function drawPicture(picture, index, captureMs) {
    picture.fill(90, 0, WIDTH * HEIGHT);
    picture.fill(128, WIDTH * HEIGHT);
    const x = (index * 8) % (WIDTH - 40);
    for (let y = 120; y < 300; y++) {
        picture.fill(200, y * WIDTH + x, y * WIDTH + x + 40);
    }
    const chromaWidth = WIDTH / 2;
    const u = WIDTH * HEIGHT;
    for (let y = 60; y < 150; y++) {
        picture.fill(180, u + y * chromaWidth + (x >> 1), u + y * chromaWidth + (x >> 1) + 20);
    }
    const bytes = new Uint8Array(6);
    let value = BigInt(Math.floor(captureMs)) & ((1n << 40n) - 1n);
    for (let i = 4; i >= 0; i--, value >>= 8n) {
        bytes[i] = Number(value & 255n);
    }
    bytes[5] = crc8(bytes.subarray(0, 5));
    const { block, left, height } = timecodeLayout(WIDTH);
    for (let bit = 0; bit < 48; bit++) {
        const luma = bytes[bit >> 3] & (0x80 >> (bit & 7)) ? 235 : 16;
        for (let y = 0; y < height; y++) {
            picture.fill(
                luma,
                y * WIDTH + left + bit * block,
                y * WIDTH + left + (bit + 1) * block,
            );
        }
    }
}

/* Calls onUnit({captureMs, ptsMs, isKey, avcc, config}) and onJpeg(bytes). Returns {close}. */
export function startSource({ onUnit, onJpeg }) {
    const ffmpeg = spawn(
        'ffmpeg',
        [
            '-hide_banner',
            '-loglevel',
            'error',
            '-probesize',
            '32',
            '-f',
            'rawvideo',
            '-pix_fmt',
            'yuv420p',
            '-s',
            `${WIDTH}x${HEIGHT}`,
            '-r',
            String(FPS),
            '-i',
            'pipe:0',
            '-map',
            '0:v',
            '-c:v',
            'libx264',
            '-preset',
            'ultrafast',
            '-tune',
            'zerolatency',
            '-profile:v',
            'baseline',
            '-threads',
            '1',
            '-g',
            '60',
            '-b:v',
            '800k',
            '-fps_mode',
            'passthrough',
            '-flvflags',
            'no_duration_filesize',
            '-flush_packets',
            '1',
            '-f',
            'flv',
            'pipe:1',
            '-map',
            '0:v',
            '-c:v',
            'mjpeg',
            '-threads',
            '1',
            '-q:v',
            '5',
            '-pix_fmt',
            'yuvj420p',
            '-fps_mode',
            'passthrough',
            '-flush_packets',
            '1',
            '-f',
            'mjpeg',
            'pipe:3',
        ],
        { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] },
    );
    const captures = [];
    const picture = Buffer.alloc((WIDTH * HEIGHT * 3) / 2);
    const startMs = performance.now();
    let timer = null;
    const frame = () => {
        const captureMs = realMs();
        drawPicture(picture, captures.length, captureMs);
        captures.push(captureMs);
        ffmpeg.stdin.write(Buffer.from(picture));
        timer = setTimeout(frame, startMs + (captures.length * 1000) / FPS - performance.now());
    };
    ffmpeg.stdin.on('error', () => {});
    ffmpeg.stdout.on(
        'data',
        flvReader((unit) => {
            const index = Math.round((unit.ptsMs * FPS) / 1000);
            onUnit({ ...unit, ptsMs: (index * 1000) / FPS, captureMs: captures[index] ?? null });
        }),
    );
    ffmpeg.stdio[3].on('data', jpegReader(onJpeg));
    frame();
    return {
        close: () => {
            clearTimeout(timer);
            ffmpeg.stdin.destroy();
            ffmpeg.kill();
        },
    };
}

function flvReader(onUnit) {
    let rest = Buffer.alloc(0);
    let skip = 13; // header and the first back pointer
    let config = null;
    return (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        if (skip && rest.length >= skip) {
            rest = rest.subarray(skip);
            skip = 0;
        }
        while (!skip && rest.length >= 11 && rest.length >= 15 + rest.readUIntBE(1, 3)) {
            const size = rest.readUIntBE(1, 3);
            const ptsMs = rest.readUIntBE(4, 3) + rest[7] * 2 ** 24;
            const body = rest.subarray(11, 11 + size);
            if (rest[0] === 9 && body[1] === 0) {
                config = Buffer.from(body.subarray(5));
            } else if (rest[0] === 9 && body[1] === 1) {
                onUnit({
                    ptsMs,
                    isKey: body[0] >> 4 === 1,
                    avcc: Buffer.from(body.subarray(5)),
                    config,
                });
            }
            rest = rest.subarray(15 + size);
        }
    };
}

function jpegReader(onJpeg) {
    let rest = Buffer.alloc(0);
    return (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        for (
            let end = rest.indexOf('ffd9', 0, 'hex');
            end >= 0;
            end = rest.indexOf('ffd9', 0, 'hex')
        ) {
            onJpeg(Buffer.from(rest.subarray(0, end + 2)));
            rest = rest.subarray(end + 2);
        }
    };
}
