import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { TRANSPORTS } from '../../../src/web/ladder.js';
import {
    nameFromPath,
    readQuery,
    streamBase,
    webSocketUrl,
    withQuery,
} from '../../../src/web/paths.js';
import {
    phaseWords,
    showBitrate,
    showMs,
    showPercent,
    showRate,
    showSize,
    transportReason,
} from '../../../src/web/words.js';

const WEB = new URL('../../../src/web/', import.meta.url);
const read = (name) => readFile(new URL(name, WEB), 'utf8');

/* Every module that this one imports, directly or not. */
async function importsOf(name, seen = new Set()) {
    for (const [, found] of (await read(name)).matchAll(
        /^(?:import|export)[^;]*? from '\.\/([\w.]+)';/gm,
    )) {
        if (!seen.has(found)) {
            seen.add(found);
            await importsOf(found, seen);
        }
    }
    return seen;
}

for (const [page, entry] of [
    ['player.html', 'player_page.js'],
    ['index.html', 'grid_page.js'],
]) {
    test(`${page} begins with one module, as the others are joined to it`, async () => {
        const html = await read(page);
        const scripts = [...html.matchAll(/<script ([^>]*)>/g)].map(([, attributes]) => attributes);
        assert.equal(scripts.length, 1);
        assert.ok(scripts[0].startsWith('type="module" '));
        assert.ok(scripts[0].endsWith(` src="/assets/${entry}"`));
        assert.doesNotMatch(html, /modulepreload/);
    });

    test(`${page} has no inline script or style, which the policy forbids`, async () => {
        const html = await read(page);
        assert.doesNotMatch(html, /<style|style=|<script(?![^>]*src=)|\son\w+=/);
    });
}

test('every file is in the list of the build, and every icon exists', async () => {
    const build = await read('meson.build');
    const files = (await readdir(WEB)).filter((name) => /\.(js|css|html|svg)$/.test(name));
    const icons = await read('icons.svg');
    for (const name of files) {
        assert.ok(build.includes(`'${name}'`), name);
        for (const [, found] of (await read(name)).matchAll(
            /\b(?:icon\('|setIcon\([^,]+, ')([\w-]+)'/g,
        )) {
            assert.ok(icons.includes(`id="${found}"`), `${name}: ${found}`);
        }
    }
});

test('every id that a script asks for is in its page', async () => {
    const pages = { 'player.html': 'player_page.js', 'index.html': 'grid_page.js' };
    for (const [page, entry] of Object.entries(pages)) {
        const html = await read(page);
        for (const name of [entry, ...(await importsOf(entry))]) {
            for (const [, id] of (await read(name)).matchAll(/byId\('([\w-]+)'\)/g)) {
                assert.ok(html.includes(`id="${id}"`), `${name}: ${id}`);
            }
        }
    }
});

test('name of the stream from the path', () => {
    const rows = [
        ['/cam/', 'cam'],
        ['/', ''],
        ['/shed/cam/', 'shed/cam'],
        ['/cam%40low/', 'cam@low'],
        ['/%zz/', '%zz'],
    ];
    for (const [path, expected] of rows) {
        assert.equal(nameFromPath(path), expected);
    }
});

test('addresses of a stream', () => {
    const base = streamBase('shed/cam', 'https://host:8080');
    assert.equal(base.href, 'https://host:8080/shed/cam/');
    const url = withQuery(base, 'ws', { format: 'mp4', mode: null });
    assert.equal(url.href, 'https://host:8080/shed/cam/ws?format=mp4');
    assert.equal(webSocketUrl(url).href, 'wss://host:8080/shed/cam/ws?format=mp4');
    assert.equal(webSocketUrl('http://[::1]:1/x').href, 'ws://[::1]:1/x');
});

test('what the query says, without what is unknown', () => {
    const nothing = { via: null, mode: null, isEmbedded: false, stats: null };
    const rows = [
        ['', nothing],
        ['?via=mse&mode=drive', { ...nothing, via: 'mse', mode: 'drive' }],
        ['?via=carrier-pigeon&mode=fast', nothing],
        ['?embed', { ...nothing, isEmbedded: true }],
        ['?embed=0&stats', { ...nothing, stats: true }],
        ['?stats=0', { ...nothing, stats: false }],
    ];
    for (const [search, expected] of rows) {
        assert.deepEqual(readQuery(search, TRANSPORTS), expected, search);
    }
});

test('figures in words, a dash for the unknown', () => {
    const rows = [
        [showMs(null), '–'],
        [showMs(12.6), '13 ms'],
        [showBitrate(null), '–'],
        [showBitrate(920000), '920 kbit/s'],
        [showBitrate(2070000), '2.1 Mbit/s'],
        [showBitrate(14e6), '14 Mbit/s'],
        [showSize(null, 3), '–'],
        [showSize(1280, 720), '1280 × 720'],
        [showRate(29.97), '30'],
        [showRate(12.5), '12.5'],
        [showRate(null), '–'],
        [showPercent(null), '–'],
        [showPercent(0), '0 %'],
        [showPercent(0.0004), '< 0.1 %'],
        [showPercent(0.021), '2.1 %'],
    ];
    for (const [shown, expected] of rows) {
        assert.equal(shown, expected);
    }
});

test('why this transport', () => {
    const report = [
        { id: 'webrtc', state: 'failed', reason: 'switched off' },
        { id: 'webcodecs', state: 'unusable', reason: 'it needs HTTPS (or localhost)' },
        { id: 'mse', state: 'playing', reason: '' },
    ];
    assert.equal(
        transportReason({ current: 'mse', report }),
        'WebRTC: switched off; WebCodecs: it needs HTTPS (or localhost)',
    );
    assert.equal(transportReason({ current: 'mse', forced: 'mse', report }), 'chosen by hand');
    assert.equal(transportReason({ current: null, report }), '');
    const fresh = report.map((row) => ({ ...row, reason: '' }));
    assert.equal(
        transportReason({ current: 'mse', remembered: 'mse', report: fresh }),
        'it worked here last time',
    );
    assert.equal(transportReason({ current: 'webrtc', report: fresh }), 'the fastest way');
});

test('every phase but playing says something', () => {
    const phases = [
        'connecting',
        'starting',
        'stalled',
        'reconnecting',
        'offline',
        'missing',
        'refused',
        'failed',
        'gesture',
        'paused',
        'suspended',
    ];
    for (const phase of phases) {
        assert.ok(phaseWords({ phase, name: 'cam', detail: '' }).title, phase);
    }
    assert.equal(phaseWords({ phase: 'playing' }).title, '');
    assert.match(phaseWords({ phase: 'stalled', detail: 'unplugged' }).detail, /unplugged/);
});
