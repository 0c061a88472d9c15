/*
 * The program under test, as a process of its own: start it on free ports, wait until it says that
 * it is ready, ask it things, end it and see that it ended well.
 *
 *     const avocet = await startAvocet(['cam=test:?size=360p']);
 *     const answer = await fetch(avocet.http + '/healthz');
 *     await avocet.stop();
 *
 * AVOCET names the program (default: build/avocet of this tree). AVOCET_BUILD says asan or tsan
 * when it is slower than usual; deadlines are stretched then. Whatever a test leaves running is
 * killed when node exits.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const program = path.resolve(process.env.AVOCET ?? path.join(root, 'build/avocet'));
export const slowness = { asan: 4, tsan: 8 }[process.env.AVOCET_BUILD] ?? 1;

/* How many of n repetitions are worth their time in this build: TSan looks at what runs beside what,
 * of which the thousandth time shows no more. */
export const portion = (n) => (process.env.AVOCET_BUILD === 'tsan' ? Math.ceil(n / 5) : n);

const SANITIZER_REPORT = /^.*(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*$/m;
const STOP_MS = 1000;
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export function withDeadline(promise, ms, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what()} (after ${ms} ms)`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* Resolves as soon as condition() is true or a promise of something true; asks again every
 * interval_ms, as what is waited for lies in another process. */
export async function until(condition, what, { ms = 5000, interval_ms = 20 } = {}) {
    const end = performance.now() + ms * slowness;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        if (performance.now() > end) {
            throw new Error(`${what} did not come true within ${ms * slowness} ms`);
        }
        await new Promise((resolve) => setTimeout(resolve, interval_ms));
    }
}

/* "ready http=127.0.0.1:80 webrtc=[::1]:81" -> {http: {address, port}, webrtc: {address, port}} */
export function parseReady(line) {
    const servers = {};
    for (const [, name, address, port] of line.matchAll(/ (\w+)=(\[[^\]]+\]|[^ :]+):(\d+)/g)) {
        servers[name] = { address, port: Number(port) };
    }
    return servers;
}

class Avocet {
    constructor(child, state) {
        this.process = child;
        this.pid = child.pid;
        this.stdout = '';
        this.stderr = '';
        this.servers = {};
        this.exited = new Promise((resolve, reject) => {
            child.on('close', (code, signal) => resolve({ code, signal }));
            child.on('error', reject);
        });
        this.exited.catch(() => {}).then(() => {
            running.delete(child);
            rmSync(state, { recursive: true, force: true });
        });
        child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
        child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
        /* A test that failed half-way must not wait for it; whoever does wait has a deadline. */
        [child, child.stdout, child.stderr].forEach((handle) => handle.unref());
    }

    /* "http://127.0.0.1:41234", no slash at the end. */
    get http() {
        const { address, port } = this.servers.http;
        return `http://${address}:${port}`;
    }

    get ws() {
        return this.http.replace('http', 'ws');
    }

    async readyLine() {
        const line = new Promise((resolve) => {
            const look = () => this.stdout.match(/^ready.*$(?=\n)/m);
            this.process.stdout.on('data', () => look() && resolve(look()[0]));
        });
        const ended = this.exited.then(({ code, signal }) => {
            throw new Error(`avocet ended (${signal ?? code}) before it was ready:\n${this.stderr}`);
        });
        return Promise.race([line, ended]);
    }

    /* What the process holds: resident kilobytes, descriptors and how many are sockets. */
    resources() {
        const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
        const links = readdirSync(`/proc/${this.pid}/fd`).map((fd) => {
            try {
                return readlinkSync(`/proc/${this.pid}/fd/${fd}`);
            } catch {
                return ''; /* closed meanwhile */
            }
        });
        return {
            rss_kb: Number(status.match(/^VmRSS:\s+(\d+)/m)[1]),
            n_threads: Number(status.match(/^Threads:\s+(\d+)/m)[1]),
            n_fds: links.length,
            n_sockets: links.filter((link) => link.startsWith('socket:')).length,
        };
    }

    async get(pathname, options) {
        return fetch(this.http + pathname, options);
    }

    async json(pathname, options) {
        return (await this.get(pathname, options)).json();
    }

    /* The value of one sample of /metrics, such as avocet_viewers{stream="cam",protocol="ws"}. */
    async metric(sample) {
        const text = await (await this.get('/metrics')).text();
        const line = text.split('\n').find((l) => l.startsWith(sample + ' '));
        return line === undefined ? undefined : Number(line.slice(sample.length + 1));
    }

    /* SIGTERM must end it with status 0 within a second, without a word from a sanitizer. */
    async stop(signal = 'SIGTERM') {
        const start = performance.now();
        this.process.kill(signal);
        const { code, signal: killed } = await withDeadline(this.exited, 10 * STOP_MS * slowness,
            () => `avocet did not end at ${signal}`).catch((error) => {
            this.process.kill('SIGKILL');
            throw error;
        });
        const ms = performance.now() - start;
        const report = this.stderr.match(SANITIZER_REPORT);
        if (report || code !== 0) {
            throw new Error(`avocet ended with ${killed ?? code}:\n${this.stderr.slice(-20000)}`);
        }
        if (ms > STOP_MS * slowness) {
            throw new Error(`avocet took ${Math.round(ms)} ms to end at ${signal}`);
        }
    }

    kill() {
        this.process.kill('SIGKILL');
        return this.exited;
    }
}

/*
 * Start `avocet serve ARGS`, by default with every server on a free port.
 *
 * options: command  other words than ['serve']
 *          servers  other than all on a free port; RTSP is off unless they name it
 *          env      added to the environment
 *          stdin    'ignore' (default), 'pipe', or a descriptor
 *          prefix   words before the program, such as ['ip', 'netns', 'exec', NAME]
 *          cwd, ready_ms
 */
export async function startAvocet(args = [], options = {}) {
    const servers = options.servers ? ['--rtsp', 'off', ...options.servers]
        : ['--http', '0', '--webrtc', '0', '--rtsp', '0'];
    const avocet = spawnAvocet([...(options.command ?? ['serve']), ...servers, ...args], options);
    const line = await withDeadline(avocet.readyLine(), (options.ready_ms ?? 5000) * slowness,
        () => `avocet is not ready:\n${avocet.stderr}`).catch((error) => {
        avocet.process.kill('SIGKILL');
        throw error;
    });
    avocet.servers = parseReady(line);
    return avocet;
}

/* The program with just these words, not waited for. */
export function spawnAvocet(args, options = {}) {
    const state = mkdtempSync(path.join(tmpdir(), 'avocet-state-'));
    const [file, ...words] = [...(options.prefix ?? []), program, ...args];
    const child = spawn(file, words, {
        cwd: options.cwd,
        env: { ...process.env, XDG_STATE_HOME: state, STATE_DIRECTORY: '', ...options.env },
        stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    return new Avocet(child, state);
}

/* Run it to its end: {code, signal, stdout, stderr}. */
export async function runAvocet(args, options = {}) {
    const avocet = spawnAvocet(args, options);
    const end = await withDeadline(avocet.exited, (options.ms ?? 10000) * slowness,
        () => `avocet ${args.join(' ')} does not end:\n${avocet.stderr}`).catch((error) => {
        avocet.process.kill('SIGKILL');
        throw error;
    });
    return { ...end, stdout: avocet.stdout, stderr: avocet.stderr };
}
