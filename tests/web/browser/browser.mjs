/* A mock server and a headless Chromium for one test file. */
import * as runner from 'node:test';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { Mock } from '../mock.mjs';
import { whyNoBrowser } from '../../lab/browser.mjs';

const ARGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];
const EXPECTED = /Failed to load resource|WebSocket connection to/; // what the tests break on purpose

const skip = whyNoBrowser('chromium');

/* A test that says why it is left out where there is no browser. */
export const test = (name, run) => runner.test(name, { skip }, run);

export const shared = { mock: null, browser: null };

export function useMock() {
    if (skip) {
        return;
    }
    runner.before(async () => {
        shared.mock = await new Mock().start();
        shared.browser = await chromium.launch({
            executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
            headless: true,
            args: ARGS,
        });
        await until(() => shared.mock.hasPictures, 'the mock has pictures');
    });
    runner.after(async () => {
        await shared.browser?.close();
        await shared.mock?.close();
    });
}

/* Opens path in a fresh profile, calls use(page), and fails on any error of the page itself. */
export async function withPage(path, use, options = {}) {
    const context = await shared.browser.newContext({
        viewport: { width: 960, height: 600 },
        ...options,
    });
    const errors = [];
    try {
        const page = await context.newPage();
        page.on('pageerror', (error) => errors.push(error.stack));
        page.on(
            'console',
            (message) =>
                message.type() === 'error' &&
                !EXPECTED.test(message.text()) &&
                errors.push(message.text()),
        );
        await page.goto(shared.mock.url + path);
        await use(page);
        assert.deepEqual(errors, []);
    } finally {
        await context.close();
    }
}

export async function until(isSo, what, timeoutMs = 15000) {
    for (
        const endMs = Date.now() + timeoutMs;
        !(await isSo());
        await new Promise((done) => setTimeout(done, 20))
    ) {
        assert.ok(Date.now() < endMs, `not within ${timeoutMs} ms: ${what}`);
    }
}

export const waitForPhase = (page, phase, timeout = 15000) =>
    page.waitForFunction((wanted) => globalThis.avocet?.phase === wanted, phase, { timeout });

/* Waits until this transport plays, and the controls, which come behind the picture, are there. */
export async function waitForPlaying(page, transport, timeout = 15000) {
    await page.waitForFunction(
        (wanted) =>
            globalThis.avocet?.phase === 'playing' &&
            avocet.transport === wanted &&
            document.getElementById('play')?.ariaLabel,
        transport,
        { timeout },
    );
}
