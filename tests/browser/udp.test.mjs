/*
 * The way for UDP closes while WebRTC plays, as when a phone changes networks: the page tries the
 * same again, then goes on over TCP, says why, and stays there.
 */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';

import { startAvocet } from '../lab/avocet.mjs';
import { startBrowser, whyNoBrowser } from '../lab/browser.mjs';

const bind = (socket) =>
    new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket.address().port)));

/* Passes datagrams on between whoever sends and the server, until it is closed. */
async function startWay() {
    const front = dgram.createSocket('udp4');
    const backs = new Map(); // the sender's port -> socket towards the server
    const way = { isOpen: true, serverPort: 0, port: await bind(front) };
    front.on('message', async (message, { port }) => {
        if (!backs.has(port)) {
            const back = dgram.createSocket('udp4');
            backs.set(port, back);
            back.on('message', (answer) => way.isOpen && front.send(answer, port, '127.0.0.1'));
            await bind(back);
        }
        if (way.isOpen) {
            backs.get(port).send(message, way.serverPort, '127.0.0.1');
        }
    });
    way.end = () => [front, ...backs.values()].forEach((socket) => socket.close());
    return way;
}

const playsBy = (page, transport, ms = 20000) =>
    page.waitFor((want) => avocet.phase === 'playing' && avocet.transport === want, transport, {
        ms,
        args: [transport],
    });

test('UDP stops while it plays', { skip: whyNoBrowser('chromium') }, async () => {
    const way = await startWay();
    const avocet = await startAvocet(['--webrtc-address', `127.0.0.1:${way.port}`, 'cam=test:']);
    const browser = await startBrowser('chromium');
    try {
        way.serverPort = avocet.servers.webrtc.port;
        const page = await browser.open(`${avocet.http}/cam/`);
        await playsBy(page, 'webrtc');
        await new Promise((resolve) => setTimeout(resolve, 2000));
        const start = performance.now();
        way.isOpen = false;
        await playsBy(page, 'webcodecs');
        const ms = performance.now() - start;
        assert.ok(ms < 8000, `${Math.round(ms)} ms without a picture`);
        assert.match(await page.evaluate(() => window.avocet.reason), /^WebRTC: .*no UDP gets through/);
        way.isOpen = true;
        await new Promise((resolve) => setTimeout(resolve, 3000));
        await playsBy(page, 'webcodecs', 100);
    } finally {
        await browser.close();
        await avocet.stop();
        way.end();
    }
});
