/* The command line: what it prints, its exit status, and that refusals say what to do. */
import assert from 'node:assert/strict';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-cli-'));
after(() => rmSync(folder, { recursive: true }));

function file(name, text) {
    const where = path.join(folder, name);
    writeFileSync(where, text);
    return where;
}

const good = file('good.yaml', 'streams:\n  door:\n    source: "test:"\n    size: 360p\nhttp: 0\nwebrtc: off\n');
const bad = file('bad.yaml', 'streams:\n  door:\n    source: "test:"\n    siize: 360p\n');

const steering = file('steering.yaml', 'streams:\n  "\\e[31mred": "test:"\n');

const cases = [
    // name, arguments, exit status, stdout, stderr
    ['--version', ['--version'], 0, /^avocet \d+\.\d+/, /^$/],
    ['--help', ['--help'], 0, /serve.*devices.*latency.*check.*features/s, /^$/],
    ['serve --help', ['serve', '--help'], 0, /--listen.*--open.*--http/s, /^$/],
    ['devices --help', ['devices', '--help'], 0, /devices/, /^$/],
    ['latency --help', ['latency', '--help'], 0, /--seconds/, /^$/],
    ['check --help', ['check', '--help'], 0, /--config/, /^$/],
    ['features --help', ['features', '--help'], 0, /features/, /^$/],
    ['features', ['features'], 0, /test.*pipe.*file.*tcp/s, /^$/],
    ['unknown option', ['--nonsense'], 2, /^$/, /--nonsense/],
    ['two sources without a name', ['test:', 'test:'], 2, /^$/, /./],
    ['unknown kind of source', ['cam=nonsense:x'], 2, /^$/, /nonsense/],
    ['unknown parameter', ['cam=test:?nonsense=1'], 2, /^$/, /nonsense/],
    ['a reserved name', ['api=test:'], 2, /^$/, /api/],
    ['beyond loopback without --open', ['--listen', '0.0.0.0', 'test:'], 2, /^$/, /--open/],
    ['an --http address beyond loopback', ['--http', '0.0.0.0:0', 'test:'], 2, /^$/, /--open/],
    ['no command', ['relayy'], 2, /^$/, /neither a command .* nor a source/],
    ['no address to tell viewers', ['--webrtc-address', 'here', 'test:'], 2, /^$/, /'here'/],
    ['no port', ['--http', 'eighty', 'test:'], 2, /^$/, /http/],
    ['no configuration there', ['--config', path.join(folder, 'none.yaml')], 1, /^$/, /none\.yaml/],
    ['an invalid configuration', ['--config', bad], 1, /^$/, /bad\.yaml:4:5: .*siize/],
    ['check, valid', ['check', '--config', good], 0, /./, /^$/],
    ['check, invalid', ['check', '--config', bad], 1, /^$/, /bad\.yaml:4:5: .*siize/],
    ['check, a name that would steer the terminal', ['check', steering], 1, /^$/, /:2:3: '\\x1b\[31mred' cannot be/],
    ['serve, the same', ['--config', steering], 1, /^$/, /:2:3: '\\x1b\[31mred' cannot be/],
    ['an option that would', ['--\x1b[31m'], 2, /^$/, /'--\\x1b\[31m'/],
    ['latency without URL', ['latency'], 2, /^$/, /avocet latency http:/],
    ['latency of nobody', ['latency', 'http://127.0.0.1:1/cam/'], 1, /^$/, /127\.0\.0\.1/],
];

for (const [name, args, code, stdout, stderr] of cases) {
    test(name, async () => {
        const seen = await runAvocet(args);
        assert.equal(seen.code, code, `status; stderr: ${seen.stderr}`);
        assert.match(seen.stdout, stdout);
        assert.match(seen.stderr, stderr);
        if (code !== 0) {
            assert.equal(seen.stderr.trim().split('\n').length, 1, `one sentence: ${seen.stderr}`);
        }
    });
}

test('a port that is taken: status 1, and the sentence names it', async () => {
    const other = http.createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address();
    const seen = await runAvocet(['--http', String(port), '--webrtc', '0', '--rtsp', '0', 'test:']);
    other.close();
    assert.equal(seen.code, 1);
    assert.match(seen.stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
});

test('the ready line, once, with what is on', async () => {
    const avocet = await startAvocet(['test:']);
    assert.match(avocet.stdout, /^ready http=127\.0\.0\.1:\d+ webrtc=127\.0\.0\.1:\d+ rtsp=127\.0\.0\.1:\d+\n$/);
    await until(() => avocet.stderr.includes(`${avocet.http}/`), 'the URL for people');
    assert.equal((await avocet.get('/healthz')).status, 200);
    await avocet.stop();
});

test('servers that are off are absent, options of absent servers are accepted', async () => {
    const avocet = await startAvocet(['--webrtc', 'off', '--srt', 'off', '--rtmp', '0', 'test:'],
        { servers: ['--http', '0'] });
    assert.match(avocet.stdout, /^ready http=127\.0\.0\.1:\d+\n$/);
    await avocet.stop();
});

test('without HTTP: no address of it, and none to open', async () => {
    const avocet = await startAvocet(['--http', 'off', '--webrtc', '0', '--srt', '0.0.0.0:0', 'test:'], { servers: [] });
    assert.match(avocet.stdout, /^ready webrtc=127\.0\.0\.1:\d+\n$/);
    await until(() => /HTTP is off/.test(avocet.stderr), 'said to people');
    assert.doesNotMatch(avocet.stderr, /http:/);
    await avocet.stop();
});

test('--open lets it listen beyond loopback', async () => {
    const avocet = await startAvocet(['--listen', '0.0.0.0', '--open', 'test:']);
    assert.match(avocet.stdout, /^ready http=0\.0\.0\.0:\d+/);
    await until(() => /open http:\/\/127\.0\.0\.1:\d+\/cam\//.test(avocet.stderr), 'an address that can be opened');
    await avocet.stop();
});

test('serve from a file; command-line servers win', async () => {
    const avocet = await startAvocet(['--config', good], { servers: ['--http', '127.0.0.1:0'] });
    assert.deepEqual((await avocet.json('/api/v1/streams')).streams.map(({ name }) => name), ['door']);
    await avocet.stop();
});

test('latency passes on why there is nothing to play', async () => {
    const avocet = await startAvocet(['cam=test:?size=240p']);
    for (const path of ['/nobody/', '/nobody/stream.h264']) {
        const seen = await runAvocet(['latency', avocet.http + path]);
        assert.equal(seen.code, 1);
        assert.match(seen.stderr, /^avocet latency: the server answered 404: no stream 'nobody' here.*\n$/);
    }
    await avocet.stop();
});

test('--listen replaces the addresses of the file', async () => {
    const wide = file('wide.yaml', 'streams:\n  door: "test:"\nlisten: 0.0.0.0\n');
    const avocet = await startAvocet(['--config', wide, '--listen', '127.0.0.1']);
    assert.match(avocet.stdout, /^ready http=127\.0\.0\.1:/);
    await avocet.stop();
});

test('closed standard input is not taken for a socket of its own', async () => {
    const avocet = await startAvocet(['cam=pipe:-'], { prefix: ['sh', '-c', 'exec "$0" "$@" <&-'] });
    assert.equal(readlinkSync(`/proc/${avocet.pid}/fd/0`), '/dev/null');
    await until(async () => (await avocet.json('/cam/info')).state === 'stalled', 'at its end');
    await avocet.stop();
});

test('SIGINT ends it too, and viewers do not hold it up', async () => {
    const avocet = await startAvocet(['cam=test:?size=360p']);
    const answer = await avocet.get('/cam/stream.h264');
    await answer.body.getReader().read();
    await avocet.stop('SIGINT');
});
