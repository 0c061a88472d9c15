/* The browsers of the lab themselves: they start, see a page of ours, and can decode what we send. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { startBrowser, whyNoBrowser, browsers } from '../lab/browser.mjs';

async function servePage(html) {
    const server = http.createServer((_, answer) => {
        answer.setHeader('Content-Type', 'text/html');
        answer.end(html);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

async function offeredH264() {
    const peer = new RTCPeerConnection();
    peer.addTransceiver('video', { direction: 'recvonly' });
    const { sdp } = await peer.createOffer();
    peer.close();
    return /a=rtpmap:\d+ H264\/90000/.test(sdp);
}

for (const name of browsers) {
    test(name, { skip: whyNoBrowser(name) }, async () => {
        const server = await servePage('<title>lab</title><script>console.log("hello")</script>');
        const browser = await startBrowser(name);
        try {
            const page = await browser.newPage();
            await page.addInitScript((value) => (window.fromTest = value), 7);
            await page.goto(server.url);
            assert.equal(await page.evaluate(() => document.title + window.fromTest), 'lab7');
            assert.equal(await page.evaluate((a, b) => a + b, 1, 2), 3);
            assert.equal(await page.evaluate('undefined'), null);
            await assert.rejects(page.evaluate('nothing.at.all'));
            assert.ok(page.console.includes('log: hello') || page.console.includes('info: hello'),
                page.console.join());
            assert.ok(await page.evaluate(() =>
                MediaSource.isTypeSupported('video/mp4; codecs="avc1.42c01f"')), 'MSE');
            assert.ok(await page.evaluate(async () => (await VideoDecoder.isConfigSupported(
                { codec: 'avc1.42c01f' })).supported), 'WebCodecs');
            assert.ok(await page.evaluate(offeredH264), 'H.264 in WebRTC');
        } finally {
            await browser.close();
            server.close();
        }
    });
}
