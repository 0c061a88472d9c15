/*
 * Viewers for tests: HTTP streams, WebSockets, raw TCP, other programs. Each gives what it saw, and
 * each has a deadline.
 */
import { execFile, spawn } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';

import { slowness, withDeadline } from './avocet.mjs';

const VIEW_MS = 10000;

/* Run a program to its end; {code, stdout, stderr}. options: input (Buffer), ms */
export function run(file, args, { input, ms = 20000, encoding = 'utf8' } = {}) {
    return new Promise((resolve, reject) => {
        const child = execFile(file, args, { timeout: ms * slowness, killSignal: 'SIGKILL', encoding,
            maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
            if (error && typeof error.code !== 'number') {
                reject(new Error(`${file}: ${error.killed ? 'took too long' : error.message}`));
            } else {
                resolve({ code: error?.code ?? 0, stdout, stderr });
            }
        });
        child.stdin.on('error', () => {}); /* it need not read to the end */
        child.stdin.end(input);
    });
}

export async function isInstalled(file) {
    return promisify(execFile)('sh', ['-c', `command -v ${file}`]).then(() => true, () => false);
}

/* ---- HTTP ---- */

/* GET an endless answer until seen(chunks so far, as one Buffer) is true; the bytes. */
export async function readStream(url, seen, { ms = VIEW_MS, headers } = {}) {
    const abort = new AbortController();
    const answer = await fetch(url, { signal: abort.signal, headers });
    if (answer.status !== 200) {
        abort.abort();
        throw new Error(`${url}: ${answer.status}`);
    }
    let bytes = Buffer.alloc(0);
    const reading = (async () => {
        for await (const chunk of answer.body) {
            bytes = Buffer.concat([bytes, chunk]);
            if (seen(bytes)) {
                return { bytes, answer };
            }
        }
        throw new Error(`${url} ended after ${bytes.length} bytes`);
    })();
    return withDeadline(reading, ms * slowness, () => `${url}: only ${bytes.length} bytes`)
        .finally(() => abort.abort());
}

/* One connection, exact bytes (and, with isEnded, no more of them): what comes back until the peer
 * closes or until(text) is true. */
export function rawExchange(port, bytes, { until = () => false, ms = 5000, isEnded = false } = {}) {
    let text = '';
    const socket = net.connect(port, '127.0.0.1');
    const done = new Promise((resolve, reject) => {
        socket.on('connect', () => (isEnded ? socket.end(bytes) : socket.write(bytes)));
        socket.on('data', (data) => {
            text += data.toString('latin1');
            until(text) && resolve(text);
        });
        socket.on('close', () => resolve(text));
        socket.on('error', (error) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
    });
    return withDeadline(done, ms * slowness, () => `no end of the answer; so far: ${text.slice(0, 300)}`)
        .finally(() => socket.destroy());
}

/* ---- formats ---- */

/* The types of the NAL units that stand complete in an Annex B stream. */
export function nalTypes(bytes) {
    const types = [];
    for (let at = bytes.indexOf('000001', 0, 'hex'); at >= 0;) {
        const next = bytes.indexOf('000001', at + 3, 'hex');
        if (next < 0) {
            break;
        }
        types.push(bytes[at + 3] & 31);
        at = next;
    }
    return types;
}

/* The complete top-level boxes of an MP4: [{type, start, size}] */
export function mp4Boxes(bytes) {
    const boxes = [];
    for (let at = 0; at + 8 <= bytes.length;) {
        const size = bytes.readUInt32BE(at);
        if (size < 8 || at + size > bytes.length) {
            break;
        }
        boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), start: at, size });
        at += size;
    }
    return boxes;
}

/* The complete parts of a multipart stream: [{headers, body}] */
export function multipartParts(bytes, boundary) {
    const parts = [];
    const mark = `--${boundary}\r\n`;
    for (let at = bytes.indexOf(mark); at >= 0;) {
        const head = bytes.indexOf('\r\n\r\n', at);
        if (head < 0) {
            break;
        }
        const headers = new Headers(bytes.toString('latin1', at + mark.length, head).split('\r\n')
            .filter(Boolean).map((line) => line.split(/: */, 2)));
        const next = bytes.indexOf(mark, head + 4);
        if (next < 0) {
            break;
        }
        parts.push({ headers, body: bytes.subarray(head + 4, next - 2) });
        at = next;
    }
    return parts;
}

export function boundaryOf(answer) {
    return answer.headers.get('content-type').match(/boundary="?([^";]+)/)[1].replace(/^--/, '');
}

export function isJpeg(bytes) {
    return bytes.length > 4 && bytes.readUInt16BE(0) === 0xffd8 &&
        bytes.readUInt16BE(bytes.length - 2) === 0xffd9;
}

/* The header of /NAME/ws?format=h264 and the access unit behind it. */
export function parseWsFrame(bytes) {
    return {
        version: bytes[0],
        track: bytes[1],
        codec: bytes[2],
        isKey: (bytes[3] & 1) !== 0,
        isDiscontinuity: (bytes[3] & 2) !== 0,
        sequence: bytes.readUInt32BE(4),
        capture_ns: bytes.readBigInt64BE(8),
        pts_ns: bytes.readBigInt64BE(16),
        unit: bytes.subarray(24),
    };
}

/* ffprobe's view of some bytes, or of a URL: {streams, frames?}. before: options of the input. */
export async function ffprobe(source, { format, frames = 0, ms, before = [] } = {}) {
    const isBytes = Buffer.isBuffer(source);
    const args = ['-v', 'error', '-of', 'json', ...before, ...(format ? ['-f', format] : []),
        '-show_streams', ...(frames ? ['-show_frames', '-read_intervals', `%+#${frames}`] : []),
        '-i', isBytes ? 'pipe:0' : source];
    const { code, stdout, stderr } = await run('ffprobe', args, { input: isBytes ? source : '', ms });
    if (code !== 0) {
        throw new Error(`ffprobe: ${stderr}`);
    }
    return { ...JSON.parse(stdout), stderr };
}

/* ---- WebSocket ---- */

/* A WebSocket viewer: `hello`, and `messages` (Buffers) as they come. */
export class WsViewer {
    static async open(url, options = {}) {
        const { WebSocket } = await import('ws');
        const viewer = new WsViewer();
        viewer.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
        viewer.messages = [];
        viewer.texts = [];
        viewer.wake = () => {};
        viewer.closed = new Promise((resolve) => viewer.socket.on('close', (code, reason) => {
            resolve({ code, reason: reason.toString() });
            viewer.wake();
        }));
        viewer.socket.on('message', (bytes, isBinary) => {
            isBinary ? viewer.messages.push(bytes) : viewer.texts.push(JSON.parse(bytes));
            viewer.wake();
        });
        await withDeadline(new Promise((resolve, reject) => {
            viewer.socket.on('open', resolve);
            viewer.socket.on('error', reject);
        }), VIEW_MS * slowness, () => `${url} does not open`);
        return viewer;
    }

    get hello() {
        return this.texts.find((text) => text.type === 'hello');
    }

    /* Until condition(viewer) is true; asked at each message. */
    async until(condition, what, ms = VIEW_MS) {
        const waiting = new Promise((resolve, reject) => {
            this.wake = () => {
                if (condition(this)) {
                    resolve(this);
                } else if (this.socket.readyState > 1) {
                    reject(new Error(`${what}: the WebSocket was closed`));
                }
            };
            this.wake();
        });
        return withDeadline(waiting, ms * slowness, () => `${what}: only ${this.messages.length} messages`);
    }

    close() {
        this.socket.close();
        return this.closed;
    }
}

/* ---- WebRTC ---- */

/* GStreamer plays a WHEP endpoint: {frames, width, height, first_ms, luma_changes, error}. */
export async function playWhep(url, { frames = 60, seconds = 10 } = {}) {
    const script = new URL('./whep-play.py', import.meta.url).pathname;
    const { stdout, stderr } = await run('/usr/bin/python3', [script, url, '--frames', String(frames),
        '--seconds', String(seconds * slowness)], { ms: (seconds + 10) * 1000 });
    try {
        return JSON.parse(stdout);
    } catch {
        throw new Error(`whep-play.py: ${stderr}`);
    }
}

export async function whyNoGstreamer() {
    const { code, stderr } = await run('/usr/bin/python3', ['-c', 'import gi\n' +
        'gi.require_version("GstWebRTC", "1.0")\nfrom gi.repository import Gst\nGst.init(None)\n' +
        'assert all(map(Gst.ElementFactory.find, ["webrtcbin", "nicesrc", "avdec_h264"]))']);
    return code === 0 ? false : `no GStreamer WebRTC here: ${stderr.trim().split('\n').pop()}`;
}

/* ---- a camera's side ---- */

/* H.264 as ffmpeg makes it, to stdout or to where `output` says; ends with the process. */
export function spawnEncoder({ size = '640x360', fps = 30, gop = 30, seconds, output = ['-f', 'h264', '-'],
    encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'] } = {}) {
    return spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', '-f', 'lavfi',
        '-i', `testsrc2=size=${size}:rate=${fps}${seconds ? `:duration=${seconds}` : ''}`,
        '-pix_fmt', 'yuv420p', ...encoder, '-g', String(gop), ...output],
    { stdio: ['ignore', 'pipe', 'inherit'] });
}
