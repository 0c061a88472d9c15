/*
 * Real browsers without a window: Debian's Chromium through Playwright, Firefox ESR through
 * WebDriver BiDi. Both give the same few verbs.
 *
 *     const browser = await startBrowser('chromium');
 *     const page = await browser.open(avocet.http + '/cam/');
 *     await page.waitFor(() => document.querySelector('video')?.currentTime > 1, 'a moving picture');
 *     await page.screenshot('player.png');
 *     await browser.close();
 *
 * They run with the flags they are shipped with, but for the sandbox (tests may run as root) and
 * for what they would say to their makers' servers. Firefox gets H.264 in WebRTC by a plugin that
 * it downloads; here the system's FFmpeg does it, which two preferences allow (h264: false: not).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { until, withDeadline } from './avocet.mjs';

const EXECUTABLES = {
    chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
    firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};
const START_MS = 40000;
const CALL_MS = 60000;

export const browsers = Object.keys(EXECUTABLES);

/* Why a browser cannot be had here, as a sentence for a skipped test; false when it can. */
export function whyNoBrowser(name) {
    return !existsSync(EXECUTABLES[name]) && `${EXECUTABLES[name]} is not installed`;
}

/* name: chromium or firefox. options: args (more flags), prefs (Firefox), h264 (Firefox). */
export async function startBrowser(name, options = {}) {
    const folder = mkdtempSync(path.join(tmpdir(), `avocet-${name}-`));
    try {
        const start = { chromium: startChromium, firefox: startFirefox }[name];
        return await start(path.join(folder, 'profile'), options, () =>
            rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    } catch (error) {
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
        throw error;
    }
}

/* A function and its arguments, or an expression, as an expression whose value is JSON. */
function expressionOf(code, args) {
    const value = typeof code === 'function' ? `(${code})(...${JSON.stringify(args)})` : code;
    return `(async () => JSON.stringify((await (${value})) ?? null))()`;
}

/* What both browsers' pages have in common, on top of run(expression). */
class Page {
    console = []; /* "error: text" */

    async evaluate(code, ...args) {
        return JSON.parse(await this.run(expressionOf(code, args)));
    }

    /* Until code, evaluated in the page, gives something true; returns that. */
    waitFor(code, what, { ms = 10000, args = [] } = {}) {
        return until(() => this.evaluate(code, ...args).catch((error) => {
            if (/navigat|context|destroyed|no such frame/i.test(error.message)) {
                return false; /* the page is being replaced */
            }
            throw error;
        }), what, { ms, interval_ms: 50 }).catch((error) => {
            error.message += `\n${this.console.slice(-20).join('\n')}`;
            throw error;
        });
    }
}

/* ---- Chromium ---- */

const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];

class ChromiumPage extends Page {
    constructor(page) {
        super();
        this.playwright = page; /* for what only Chromium's tests need */
        page.on('console', (message) => this.console.push(`${message.type()}: ${message.text()}`));
        page.on('pageerror', (error) => this.console.push(`error: ${error.message}`));
    }

    run(expression) {
        return this.playwright.evaluate(expression);
    }

    goto(url) {
        return this.playwright.goto(url);
    }

    reload() {
        return this.playwright.reload();
    }

    addInitScript(script, ...args) {
        return this.playwright.addInitScript({ content: `(${script})(...${JSON.stringify(args)})` });
    }

    setViewport(width, height) {
        return this.playwright.setViewportSize({ width, height });
    }

    press(key) {
        return this.playwright.keyboard.press(key);
    }

    screenshot(file) {
        return this.playwright.screenshot({ path: file });
    }

    close() {
        return this.playwright.close();
    }
}

async function startChromium(profile, { args = [], context = {} }, cleanUp) {
    const { chromium } = await import('playwright-core');
    const browser = await chromium.launchPersistentContext(profile, {
        executablePath: EXECUTABLES.chromium,
        headless: true,
        args: [...CHROMIUM_FLAGS, ...args],
        ...context,
    });
    return {
        name: 'chromium',
        async newPage() {
            return new ChromiumPage(await browser.newPage());
        },
        async open(url) {
            const page = await this.newPage();
            await page.goto(url);
            return page;
        },
        async close() {
            await browser.close();
            cleanUp();
        },
    };
}

/* ---- Firefox ---- */

const FIREFOX_PREFS = {
    /* nobody is called */
    'app.update.enabled': false,
    'browser.safebrowsing.malware.enabled': false,
    'browser.safebrowsing.phishing.enabled': false,
    'browser.shell.checkDefaultBrowser': false,
    'datareporting.policy.dataSubmissionEnabled': false,
    'extensions.systemAddon.update.enabled': false,
    'media.gmp-manager.updateEnabled': false,
    'media.gmp-manager.url': 'data:,',
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'network.http.http3.enable': false,
    'services.settings.server': 'data:,',
    'toolkit.telemetry.enabled': false,
    /* this machine alone is its network */
    'media.peerconnection.ice.loopback': true,
    'remote.active-protocols': 1,
};
const FIREFOX_H264_PREFS = {
    'media.webrtc.hw.h264.enabled': true,
    'gfx.blacklist.webrtc.hw.acceleration.h264': 1,
};
const BIDI_KEYS = { Tab: '\uE004', Enter: '\uE007', Escape: '\uE00C', ' ': ' ',
    ArrowLeft: '\uE012', ArrowUp: '\uE013', ArrowRight: '\uE014', ArrowDown: '\uE015' };

/* One BiDi session over a WebSocket: call(method, params), and events by method. */
class Bidi {
    constructor(socket) {
        this.socket = socket;
        this.calls = new Map();
        this.listeners = new Map();
        this.id = 0;
        socket.on('message', (text) => this.onMessage(JSON.parse(text)));
        socket.on('close', () => this.calls.forEach(({ reject }, id) => {
            this.calls.delete(id);
            reject(new Error('Firefox is gone'));
        }));
    }

    onMessage(message) {
        if (message.type === 'event') {
            this.listeners.get(message.method)?.forEach((listener) => listener(message.params));
            return;
        }
        const call = this.calls.get(message.id);
        this.calls.delete(message.id);
        if (message.type === 'error') {
            call?.reject(new Error(`${call.method}: ${message.message}`));
        } else {
            call?.resolve(message.result);
        }
    }

    on(method, listener) {
        this.listeners.set(method, [...(this.listeners.get(method) ?? []), listener]);
    }

    call(method, params = {}) {
        const id = ++this.id;
        const answer = new Promise((resolve, reject) => {
            this.calls.set(id, { method, resolve, reject });
        });
        this.socket.send(JSON.stringify({ id, method, params }));
        return withDeadline(answer, CALL_MS, () => `Firefox does not answer ${method}`);
    }
}

class FirefoxPage extends Page {
    constructor(bidi, context) {
        super();
        this.bidi = bidi;
        this.context = context;
        bidi.on('log.entryAdded', (entry) => {
            if (entry.source.context === context) {
                this.console.push(`${entry.level}: ${entry.text}`);
            }
        });
    }

    async run(expression) {
        const answer = await this.bidi.call('script.evaluate', {
            expression, target: { context: this.context }, awaitPromise: true,
            userActivation: false,
        });
        if (answer.type === 'exception') {
            throw new Error(answer.exceptionDetails.text);
        }
        return answer.result.value ?? 'null';
    }

    goto(url) {
        return this.bidi.call('browsingContext.navigate',
            { context: this.context, url, wait: 'complete' });
    }

    reload() {
        return this.bidi.call('browsingContext.reload', { context: this.context, wait: 'complete' });
    }

    addInitScript(script, ...args) {
        return this.bidi.call('script.addPreloadScript', {
            functionDeclaration: `() => { (${script})(...${JSON.stringify(args)}) }`,
            contexts: [this.context],
        });
    }

    setViewport(width, height) {
        return this.bidi.call('browsingContext.setViewport',
            { context: this.context, viewport: { width, height } });
    }

    press(key) {
        const value = BIDI_KEYS[key] ?? key;
        return this.bidi.call('input.performActions', {
            context: this.context,
            actions: [{ type: 'key', id: 'keyboard',
                actions: [{ type: 'keyDown', value }, { type: 'keyUp', value }] }],
        });
    }

    async screenshot(file) {
        const { data } = await this.bidi.call('browsingContext.captureScreenshot',
            { context: this.context });
        writeFileSync(file, Buffer.from(data, 'base64'));
    }

    close() {
        return this.bidi.call('browsingContext.close', { context: this.context });
    }
}

function spawnFirefox(profile, { args = [], prefs = {}, h264 = true }) {
    mkdirSync(profile, { recursive: true });
    const all = { ...FIREFOX_PREFS, ...(h264 ? FIREFOX_H264_PREFS : {}), ...prefs };
    writeFileSync(path.join(profile, 'user.js'), Object.entries(all)
        .map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${JSON.stringify(v)});\n`).join(''));
    return spawn(EXECUTABLES.firefox, ['--headless', '--no-remote', '--profile', profile,
        '--remote-debugging-port', '0', ...args, 'about:blank'], {
        env: { ...process.env, HOME: path.dirname(profile), MOZ_CRASHREPORTER_DISABLE: '1' },
        stdio: ['ignore', 'ignore', 'pipe'],
    });
}

async function connectBidi(child) {
    let said = '';
    const address = await withDeadline(new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('exit', (code) => reject(new Error(`Firefox ended with ${code}:\n${said}`)));
        child.stderr.setEncoding('utf8').on('data', (text) => {
            said = (said + text).slice(-20000);
            const found = said.match(/BiDi listening on (ws:\S+)/);
            found && resolve(found[1]);
        });
    }), START_MS, () => `Firefox does not start:\n${said}`);
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(address + '/session', { maxPayload: 256 * 1024 * 1024 });
    await new Promise((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
    });
    return new Bidi(socket);
}

async function startFirefox(profile, options, cleanUp) {
    const child = spawnFirefox(profile, options);
    const kill = () => child.kill('SIGKILL');
    process.on('exit', kill);
    const exited = new Promise((resolve) => child.on('exit', resolve));
    const bidi = await connectBidi(child).catch((error) => {
        kill();
        throw error;
    });
    await bidi.call('session.new', { capabilities: {} });
    await bidi.call('session.subscribe', { events: ['log.entryAdded'] });
    return {
        name: 'firefox',
        async newPage() {
            const { context } = await bidi.call('browsingContext.create', { type: 'tab' });
            return new FirefoxPage(bidi, context);
        },
        async open(url) {
            const page = await this.newPage();
            await page.goto(url);
            return page;
        },
        async close() {
            await bidi.call('browser.close').catch(() => {});
            await withDeadline(exited, 5000, () => 'Firefox does not end').catch(kill);
            await exited;
            process.removeListener('exit', kill);
            bidi.socket.terminate();
            cleanUp();
        },
    };
}
