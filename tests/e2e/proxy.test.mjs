/* Behind nginx, which brings TLS, as docs/configuration.md says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, test } from 'node:test';

import { root, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, isInstalled, run } from '../lab/clients.mjs';

const NAME = 'cam.example';
const folder = mkdtempSync(path.join(tmpdir(), 'avocet-proxy-'));
const inFolder = (name) => path.join(folder, name);
const skip = !(await isInstalled('nginx')) && 'nginx is not installed';

let avocet;
let nginx;
/* All goes to nginx, by a socket that has a path and no port. */
const agent = new https.Agent();
agent.createConnection = () => tls.connect({ path: inFolder('tls'), servername: NAME, rejectUnauthorized: false });

/* The block of the documentation, with the places of this test. */
function documented() {
    const text = readFileSync(path.join(root, 'docs/configuration.md'), 'utf8');
    return text.match(/```nginx\n([^]*?)```/)[1]
        .replace('listen 443 ssl', `listen unix:${inFolder('tls')} ssl`)
        .replaceAll('/etc/ssl/cam.example', inFolder('cam'))
        .replace('127.0.0.1:8080', `127.0.0.1:${avocet.servers.http.port}`);
}

before(async () => {
    if (skip) {
        return;
    }
    writeFileSync(inFolder('avocet.yaml'), `http: {hosts: [${NAME}]}\nstreams: {cam: "test:?size=240p"}\n`);
    avocet = await startAvocet(['--config', inFolder('avocet.yaml')]);
    const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', `/CN=${NAME}`, '-keyout', inFolder('cam.key'), '-out', inFolder('cam.pem')]);
    assert.equal(made.code, 0, made.stderr);
    const user = process.getuid() === 0 ? 'user root;' : '';
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((what) => `${what}_temp_path ${inFolder(what)};`).join('\n');
    writeFileSync(inFolder('nginx.conf'), `daemon off;\n${user}\npid ${inFolder('pid')};\nerror_log stderr;\n` +
        `events {}\nhttp {\naccess_log off;\n${temporary}\n${documented()}}\n`);
    nginx = spawn('nginx', ['-p', folder, '-e', 'stderr', '-c', inFolder('nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    nginx.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    process.once('exit', () => nginx.kill('SIGTERM'));
    await until(() => existsSync(inFolder('tls')) || nginx.exitCode !== null, 'nginx listens');
    assert.equal(nginx.exitCode, null, said);
});

after(async () => {
    if (nginx && nginx.exitCode === null) {
        nginx.kill('SIGTERM');
        await once(nginx, 'exit');
    }
    await avocet?.stop();
    rmSync(folder, { recursive: true });
});

/* The status of one request, and what it says. */
function ask(method, where, headers = {}) {
    return new Promise((resolve, reject) => {
        https.request({ agent, method, path: where, headers: { Host: NAME, ...headers } }, (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (more) => (text += more));
            answer.on('end', () => resolve({ status: answer.statusCode, text }));
        }).on('error', reject).end();
    });
}

const view = (origin) => WsViewer.open(`wss://${NAME}/cam/ws?format=h264`, { agent, origin });

test('the page, and what it may do', { skip }, async () => {
    assert.match((await ask('GET', '/cam/', { Accept: 'text/html' })).text, /<html/);
    const keyframe = (Origin) => ask('POST', '/api/v1/streams/cam/keyframe', { Origin });
    assert.equal((await keyframe(`https://${NAME}`)).status, 202);
    assert.equal((await keyframe(`http://${NAME}`)).status, 403);
    assert.equal((await keyframe('https://elsewhere.example')).status, 403);
});

test('a WebSocket of the page plays; one of another page is refused', { skip }, async () => {
    const viewer = await view(`https://${NAME}`);
    await viewer.until((v) => v.messages.length > 10, 'frames come through');
    await viewer.close();
    await assert.rejects(view('https://elsewhere.example'), /403/);
});

test('endless answers are not collected', { skip }, async () => {
    const request = https.request({ agent, path: '/cam/stream.mjpg', headers: { Host: NAME } }).end();
    const [answer] = await once(request, 'response');
    assert.equal(answer.statusCode, 200);
    await once(answer, 'data');
    request.destroy();
});
