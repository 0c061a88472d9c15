/*
 * WebRTC by itself, without our page: a plain peer connection in real browsers gets every frame, in
 * each mode, from a server on loopback; the sender sees no congestion where there is none.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { slowness, startAvocet } from '../lab/avocet.mjs';
import { browsers, startBrowser, whyNoBrowser } from '../lab/browser.mjs';

const PLAY_MS = 5000;
const FPS = 30;
/* Of what was sent, decoded; Firefox's decoder here is slow on a busy machine. */
const LEAST = { chromium: 0.95, firefox: 0.8 };

/* In the page: plays for ms from the first frame on. */
async function play(path, ms) {
    const peer = new RTCPeerConnection();
    peer.addTransceiver('video', { direction: 'recvonly' });
    const video = document.body.appendChild(document.createElement('video'));
    video.muted = true;
    peer.ontrack = ({ track }) => {
        video.srcObject = new MediaStream([track]);
        video.play();
    };
    await peer.setLocalDescription();
    const answer = await fetch(path, { method: 'POST', body: peer.localDescription.sdp,
        headers: { 'Content-Type': 'application/sdp' } });
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    const report = async () => [...(await peer.getStats()).values()].find((s) =>
        s.type === 'inbound-rtp');
    const giveUp = performance.now() + 15000;
    while (!((await report())?.framesDecoded > 0) && performance.now() < giveUp) {
        await new Promise((later) => setTimeout(later, 20));
    }
    const first = await report();
    await new Promise((later) => setTimeout(later, ms));
    const last = await report();
    await fetch(answer.headers.get('Location'), { method: 'DELETE' });
    peer.close();
    return { frames: (last?.framesDecoded ?? 0) - (first?.framesDecoded ?? 0),
        lost: last?.packetsLost, width: video.videoWidth };
}

for (const name of browsers) {
    describe(name, { skip: whyNoBrowser(name) }, () => {
        let avocet;
        let browser;
        before(async () => {
            avocet = await startAvocet(['cam=test:']);
            browser = await startBrowser(name);
        });
        after(async () => {
            await browser?.close();
            await avocet?.stop();
        });
        for (const mode of ['drive', 'watch', 'smooth']) {
            test(`${mode}: every frame arrives`, async () => {
                const page = await browser.open(`${avocet.http}/healthz`);
                const seen = await page.evaluate(play, `/cam/whep?mode=${mode}`, PLAY_MS);
                const of = `avocet_viewer_frames_dropped_total{stream="cam",protocol="whep",reason=`;
                assert.equal(seen.width, 1280, JSON.stringify(seen));
                assert.equal(seen.lost, 0);
                assert.equal(await avocet.metric(`${of}"rate"}`), 0);
                assert.ok(seen.frames >= PLAY_MS / 1000 * FPS * LEAST[name] / slowness, JSON.stringify(seen));
            });
        }
    });
}
