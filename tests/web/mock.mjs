/*
 * Stands in for the server: the page, info, WebSockets, MJPEG and snapshots of one test picture,
 * and switches to break each of them. WebRTC is refused, unless `whep` is the address of one.
 *
 *   node tests/web/mock.mjs [PORT]    serves it to look at
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { WebSocketServer } from 'ws';
import { FPS, HEIGHT, WIDTH, realMs, startSource } from './source.mjs';
import { codecString, fragment, initSegment, toAnnexB } from './mp4_writer.mjs';

const WEB = new URL('../../src/web/', import.meta.url);
const MIME = {
    html: 'text/html; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    css: 'text/css; charset=utf-8',
    svg: 'image/svg+xml',
};
const POLICY =
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
    "connect-src 'self' ws: wss:; style-src 'self'; frame-ancestors *";

export class Mock {
    /* Switches for tests. */
    names = ['cam'];
    state = 'live';
    error = null;
    isSending = true; // false: connections stay, no frames
    broken = new Set(); // of 'h264', 'mp4', 'meta', 'mjpeg', 'info'
    silent = new Set(); // of 'h264', 'mp4', 'mjpeg', 'webrtc': accepted, nothing comes
    whep = null;
    requests = []; // 'GET /cam/info' …
    jitterMs = 0; // at most, of every media message
    mediaSpeed = 1; // of the times in fragments against the clock: long play in little time

    #viewers = new Set(); // {format, send(unit), needsKey}
    #gop = [];
    #jpeg = null;
    #server = null;
    #sockets = new WebSocketServer({ noServer: true });
    #source = null;
    #sequence = 0;
    #connections = new Set();

    async start(port = 0) {
        this.#source ??= startSource({
            onUnit: (unit) => this.#onUnit(unit),
            onJpeg: (jpeg) => this.#onJpeg(jpeg),
        });
        this.#server = createServer((request, response) =>
            this.#answer(request, response).catch((error) =>
                response.writeHead(500).end(String(error)),
            ),
        );
        this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
        this.#server.on('connection', (socket) => {
            this.#connections.add(socket);
            socket.on('close', () => this.#connections.delete(socket));
        });
        await new Promise((done) => this.#server.listen(port, '127.0.0.1', done));
        this.port = this.#server.address().port;
        this.url = `http://127.0.0.1:${this.port}`;
        return this;
    }

    /* The server goes away; start(port) brings it back. The camera runs on. */
    async stop() {
        this.#viewers.clear();
        this.#connections.forEach((socket) => socket.destroy());
        await new Promise((done) => this.#server.close(done));
    }

    async close() {
        this.#source.close();
        await this.stop();
    }

    /* Ends every connection; the server stays. */
    drop() {
        this.#connections.forEach((socket) => socket.destroy());
    }

    get hasPictures() {
        return this.#gop.length > 0 && this.#jpeg !== null;
    }

    /* Connections that get media now. */
    get viewerCount() {
        return [...this.#viewers].filter((viewer) => !viewer.isMeta).length;
    }

    #onUnit(unit) {
        const timed = { ...unit, sequence: this.#sequence++, sentMs: realMs() };
        this.#gop = unit.isKey ? [timed] : [...this.#gop, timed];
        if (this.isSending) {
            this.#viewers.forEach((viewer) => viewer.onUnit?.(timed));
        }
    }

    #onJpeg(jpeg) {
        this.#jpeg = jpeg;
        if (this.isSending) {
            this.#viewers.forEach((viewer) => viewer.onJpeg?.(jpeg));
        }
    }

    async #answer(request, response) {
        const url = new URL(request.url, 'http://mock');
        const [, name, word] = url.pathname.match(/^\/([^/]*)\/(.*)$/) ?? [];
        this.requests.push(`${request.method} ${request.url}`);
        response.setHeader('Content-Security-Policy', POLICY);
        if (url.pathname === '/') {
            return this.#file(response, 'index.html');
        }
        if (name === 'assets') {
            return this.#file(response, word);
        }
        if (url.pathname === '/api/v1/streams') {
            return this.#json(response, { streams: this.names.map((each) => this.#info(each)) });
        }
        if (word === '') {
            return this.#file(response, 'player.html');
        }
        if (!this.names.includes(name)) {
            return this.#json(response, { error: `there is no stream ${name}` }, 404);
        }
        const handlers = {
            info: () => this.#json(response, this.#info(name)),
            whep: () => this.#whep(request, response),
            'stream.mjpg': () => this.#mjpeg(response),
            'snapshot.jpg': () =>
                this.broken.has('mjpeg')
                    ? this.#mjpeg(response)
                    : response.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(this.#jpeg),
        };
        return handlers[word] ? handlers[word]() : response.writeHead(404).end();
    }

    async #file(response, name) {
        const contents = await readFile(new URL(name.replace(/^.*\//, ''), WEB)).catch(() => null);
        if (!contents) {
            return response.writeHead(404).end();
        }
        response.writeHead(200, {
            'Content-Type': MIME[name.split('.').pop()],
            'Cache-Control': 'no-cache',
        });
        return response.end(contents);
    }

    #json(response, value, status = 200) {
        response
            .writeHead(status, { 'Content-Type': 'application/json' })
            .end(JSON.stringify(value));
    }

    #info(name) {
        return {
            name,
            state: this.state,
            error: this.error,
            width: WIDTH,
            height: HEIGHT,
            fps: FPS,
            codec: 'h264',
            bitrate_bps: 800000,
            viewers: this.#viewers.size,
            latency_ms: { capture: 0.5, encode: 2.5, send: 0.5 },
        };
    }

    async #whep(request, response) {
        const chunks = [];
        for await (const chunk of request) {
            chunks.push(chunk);
        }
        if (this.silent.has('webrtc')) {
            return undefined; // accepted, and nothing comes of it
        }
        if (!this.whep || request.method !== 'POST') {
            return response.writeHead(request.method === 'DELETE' ? 200 : 404).end();
        }
        const answer = await fetch(this.whep, {
            method: 'POST',
            body: Buffer.concat(chunks),
            headers: { 'Content-Type': 'application/sdp' },
        });
        response.writeHead(201, {
            'Content-Type': 'application/sdp',
            Location: `${request.url.split('?')[0]}/1`,
        });
        return response.end(await answer.text());
    }

    #mjpeg(response) {
        if (this.broken.has('mjpeg')) {
            return response
                .writeHead(503, { 'Content-Type': 'application/json' })
                .end('{"error":"MJPEG is broken"}');
        }
        response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
        response.write('--frame\r\nContent-Type: image/jpeg\r\n\r\n');
        const onJpeg = (jpeg) =>
            response.write(
                Buffer.concat([
                    jpeg,
                    Buffer.from('\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n'),
                ]),
            );
        return this.#addViewer({ onJpeg: this.silent.has('mjpeg') ? null : onJpeg }, response);
    }

    #addViewer(viewer, connection) {
        this.#viewers.add(viewer);
        connection.on('close', () => this.#viewers.delete(viewer));
    }

    #upgrade(request, socket, head) {
        const url = new URL(request.url, 'http://mock');
        const format = url.searchParams.get('format');
        this.requests.push(`WS ${request.url}`);
        if (this.broken.has(format) || !this.names.includes(url.pathname.split('/')[1])) {
            socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
            return;
        }
        this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#serve(ws, format));
    }

    /* Delays by up to jitterMs, and never reorders. */
    #makeSender(ws) {
        const queue = [];
        const next = () => {
            ws.send(queue[0]);
            queue.shift();
            if (queue.length) {
                setTimeout(next, this.jitterMs * Math.random());
            }
        };
        return (bytes) => {
            if (!this.jitterMs && !queue.length) {
                ws.send(bytes);
            } else if (queue.push(bytes) === 1) {
                setTimeout(next, this.jitterMs * Math.random());
            }
        };
    }

    #serve(ws, format) {
        ws.on('message', (text) => {
            const message = JSON.parse(text);
            if (message.type === 'ping') {
                ws.send(JSON.stringify({ type: 'pong', t: message.t, server_ms: realMs() }));
            }
        });
        const send = this.#makeSender(ws);
        const codec = this.#gop.length ? codecString(this.#gop[0].config) : null;
        ws.send(
            JSON.stringify({
                type: 'hello',
                version: 1,
                stream: 'cam',
                format,
                codec,
                width: WIDTH,
                height: HEIGHT,
                fps: FPS,
            }),
        );
        if (this.silent.has(format) || !codec) {
            return;
        }
        if (format === 'mp4') {
            send(initSegment(this.#gop[0].config, WIDTH, HEIGHT));
        }
        const write = (unit) => send(WRITERS[format](unit, this.mediaSpeed));
        let needsKey = format !== 'meta';
        const join = () => {
            needsKey = false;
            this.#gop.forEach(write);
        };
        if (needsKey && this.isSending) {
            join();
        }
        const onUnit = (unit) => (needsKey ? join() : write(unit)); // #gop ends in this unit
        this.#addViewer({ onUnit, isMeta: format === 'meta' }, ws);
    }
}

const WRITERS = {
    mp4: (unit, speed) =>
        fragment({ ...unit, ptsMs: unit.ptsMs * speed, durationMs: (1000 / FPS) * speed }),
    h264: (unit) => {
        const header = Buffer.from([1, 0, 1, unit.isKey ? 1 : 0, ...Buffer.alloc(20)]);
        header.writeUInt32BE(unit.sequence >>> 0, 4);
        header.writeBigInt64BE(BigInt(Math.round(unit.captureMs * 1000)) * 1000n, 8);
        header.writeBigInt64BE(BigInt(Math.round(unit.ptsMs * 1e6)), 16);
        return Buffer.concat([header, toAnnexB(unit)]);
    },
    meta: ({ ptsMs, captureMs, sentMs }) =>
        JSON.stringify({
            type: 'frame',
            rtp: Math.round(ptsMs * 90) % 2 ** 32,
            pts_ms: ptsMs,
            capture_ms: captureMs,
            sent_ms: sentMs,
        }),
};

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const mock = await new Mock().start(Number(process.argv[2] ?? 0));
    mock.whep = process.argv[3] ?? null;
    console.log(`${mock.url}/ and ${mock.url}/cam/`);
}
