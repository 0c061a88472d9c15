/* A configuration that changes: viewers of streams that stay are not disturbed by anything. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startAvocet, until } from '../lab/avocet.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-reload-'));
const file = path.join(folder, 'avocet.yaml');
const stays = 'streams:\n  stays: "test:?size=240p"\n';

let avocet;
let viewer;

/* Reads a stream until it ends. */
class Reader {
    constructor(name) {
        this.n_bytes = 0;
        this.hasEnded = false;
        this.abort = new AbortController();
        this.run(name).catch(() => {}).finally(() => (this.hasEnded = true));
    }

    async run(name) {
        const answer = await avocet.get(`/${name}/stream.h264`, { signal: this.abort.signal });
        for await (const chunk of answer.body) {
            this.n_bytes += chunk.length;
        }
    }

    async goesOn() {
        const n_bytes = this.n_bytes;
        await until(() => this.n_bytes > n_bytes + 1000, 'more comes');
    }
}

const names = async () => (await avocet.json('/api/v1/streams')).streams.map(({ name }) => name);

before(async () => {
    writeFileSync(file, stays + '  goes: "test:?size=240p"\n  changes: {source: "test:", size: 240p}\n  last: "test:?size=240p"\n');
    avocet = await startAvocet(['--config', file, 'given=test:?size=240p']);
    viewer = new Reader('stays');
    await viewer.goesOn();
});

after(async () => {
    viewer.abort.abort();
    await avocet.stop();
    rmSync(folder, { recursive: true });
});

test('streams that are gone or changed lose their viewers, new ones are there', async () => {
    const [gone, changed] = [new Reader('goes'), new Reader('changes')];
    await gone.goesOn();
    await changed.goesOn();
    writeFileSync(file, stays + '  changes: {source: "test:", size: 360p}\n  new: "test:?size=240p"\n  last: "test:?size=240p"\n');
    avocet.process.kill('SIGHUP');
    await until(() => gone.hasEnded && changed.hasEnded, 'they end');
    assert.deepEqual(await names(), ['stays', 'changes', 'new', 'last', 'given'], 'in the order of the file');
    assert.equal((await avocet.json('/changes/info')).height, 360);
    assert.equal((await avocet.get('/goes/info')).status, 404);
    await viewer.goesOn();
    assert.ok(!viewer.hasEnded);
});

test('what cannot be read changes nothing, and one sentence says where', async () => {
    writeFileSync(file, stays + '  new: {source: "test:", siize: 240p}\n');
    avocet.process.kill('SIGHUP');
    await until(() => /avocet\.yaml:3:26: .*siize/.test(avocet.stderr), 'the place of the mistake');
    renameSync(file, `${file}.old`);
    avocet.process.kill('SIGHUP');
    await until(() => /avocet\.yaml: cannot be read/.test(avocet.stderr), 'the file is not there');
    assert.deepEqual(await names(), ['stays', 'changes', 'new', 'last', 'given']);
    await viewer.goesOn();
});

test('a changed file is read by itself, but not while it is being written', async () => {
    for (let i = 0; i < 12; i++) { /* an editor that takes its time, three seconds */
        writeFileSync(file, i % 2 ? '' : 'streams:\n');
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
    writeFileSync(file, stays + '  later: "test:?size=240p"\n');
    await until(async () => (await names()).includes('later'), 'the new stream');
    await viewer.goesOn();
    assert.ok(!viewer.hasEnded);
});

test('that addresses need a restart is said when the file has others, and only then', async () => {
    const reloads = () => avocet.stderr.match(/configuration reloaded.*/g) ?? [];
    const reload = async (more) => {
        const n = reloads().length;
        writeFileSync(file, more + stays);
        avocet.process.kill('SIGHUP');
        await until(() => reloads().length > n, 'it is read');
        return reloads().at(-1);
    };
    reloads().forEach((line) => assert.doesNotMatch(line, /restart/));
    for (const more of ['http: 8081\n', 'listen: 127.0.0.1\n', 'webrtc: off\n', 'webrtc: {addresses: [192.0.2.1]}\n']) {
        assert.match(await reload(more), /restart/, more);
    }
    assert.doesNotMatch(await reload('http: {hosts: [cam.example]}\n'), /restart/);
    await viewer.goesOn();
});

test('the command line keeps its names', async () => {
    const given = new Reader('given');
    await given.goesOn();
    writeFileSync(file, stays + '  given: "test:?size=720p"\n');
    avocet.process.kill('SIGHUP');
    await until(() => /'given' of the command line/.test(avocet.stderr), 'a sentence');
    await given.goesOn();
    assert.equal((await avocet.json('/given/info')).height, 240);
    given.abort.abort();
});
