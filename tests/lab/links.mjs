/*
 * Hosts and links for tests: network namespaces joined by good and bad cables (netns.sh, impair.c).
 *
 *     const net = await Net.create();
 *     const server = await net.host('server');
 *     const thin = await net.bad(server, await net.host('phone'), { r: 1000, d: 20, q: 200 });
 *     const avocet = await startAvocet([...], { prefix: server.prefix });
 *     const seen = await watch(avocet, thin, '/cam/whep', { seconds: 20 });
 *     await thin.set({ r: 500 });
 *     await net.close();
 *
 * Each link is a /24 (and a /64) of its own: 10.77.N.1 and fd77:N::1 are the first end's. Needs root
 * and /dev/net/tun. Everything goes when node ends, however it ends: the shell that made it all
 * reads end of file then.
 */
import { execFile, spawn } from 'node:child_process';
import { accessSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

import { program, root, slowness, spawnAvocet, withDeadline } from './avocet.mjs';

const SHELL_MS = 20000;
/* Links and what is measured go before whatever else this machine does. */
const AHEAD = ['nice', '-n', '-15'];
const watching = new Set(); /* children, which may be stopped (SIGSTOP) */
process.on('exit', () => watching.forEach((child) => child.kill('SIGKILL')));

/* Why there can be no links here, as a sentence for a skipped test; false when there can. */
export function whyNoLinks() {
    if (process.getuid() !== 0) {
        return 'network namespaces need root';
    }
    try {
        accessSync('/dev/net/tun');
        accessSync('/usr/sbin/ip');
    } catch (error) {
        return `network namespaces with links need ${error.path}`;
    }
    return false;
}

class Host {
    constructor(name) {
        this.name = name;
        this.prefix = [...AHEAD, 'ip', 'netns', 'exec', name];
    }

    /* Run to its end inside: stdout. */
    run(file, ...args) {
        return new Promise((resolve, reject) => {
            const [first, ...words] = this.prefix;
            execFile(first, [...words, file, ...args],
                { timeout: SHELL_MS * slowness, maxBuffer: 64 * 1024 * 1024 },
                (error, stdout) => (error ? reject(error) : resolve(stdout)));
        });
    }

    spawn(file, args, options) {
        const [first, ...words] = this.prefix;
        return spawn(first, [...words, file, ...args], options);
    }
}

/* One cable between host a (address[0]) and host b (address[1]). */
class Link {
    constructor(net, n, a, b, fd) {
        Object.assign(this, { net, n, a, b, fd });
        this.v4 = [`10.77.${n}.1`, `10.77.${n}.2`];
        this.v6 = [`fd77:${n}::1`, `fd77:${n}::2`];
    }

    /* Letters of impair.c: { d: 80 } delay, { r: 500 } rate in kbit/s, { l: 2 } loss in percent. */
    set(values) {
        const lines = Object.entries(values).map(([letter, v]) => `${letter} ${v}\\n`).join('');
        return this.net.shell(`printf '${lines}' >&${this.fd}`);
    }
}

export class Net {
    static async create() {
        const net = new Net();
        net.child = spawn('nice', [...AHEAD.slice(1), 'bash', '-c', `
            . "${path.join(root, 'tests/lab/netns.sh')}"
            trap ns_down EXIT
            while IFS= read -r line; do eval "$line" < /dev/null; echo "done $?"; done`],
        { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
        net.lines = readline.createInterface({ input: net.child.stdout })[Symbol.asyncIterator]();
        net.n_links = 0;
        net.n_hosts = 0;
        net.turn = Promise.resolve();
        return net;
    }

    /* One command in the shell that has netns.sh; its output lines. */
    shell(command) {
        const answer = this.turn.then(async () => {
            this.child.stdin.write(command + '\n');
            for (const said = []; ;) {
                const { value, done } = await this.lines.next();
                const end = value?.match(/^done (\d+)$/);
                if (done || (end && end[1] !== '0')) {
                    throw new Error(`${command}: ${done ? 'the shell ended' : `status ${end[1]}`}`);
                }
                if (end) {
                    return said;
                }
                said.push(value);
            }
        });
        this.turn = answer.catch(() => {});
        return withDeadline(answer, SHELL_MS, () => `no end of ${command}`);
    }

    async host(name) {
        const host = new Host(`av${process.pid}-${++this.n_hosts}${name}`);
        await this.shell(`ns_up ${host.name}`);
        return host;
    }

    async addAddresses(link, ifa, ifb) {
        await this.shell(`ns_addr ${link.a.name} ${ifa} ${link.v6[0]}/64`);
        await this.shell(`ns_addr ${link.b.name} ${ifb} ${link.v6[1]}/64`);
        return link;
    }

    async good(a, b) {
        const link = new Link(this, ++this.n_links, a, b);
        const [ifa, ifb] = [`up${link.n}`, `down${link.n}`];
        await this.shell(`ns_veth ${a.name} ${ifa} ${link.v4[0]}/24 ${b.name} ${ifb} ${link.v4[1]}/24`);
        return this.addAddresses(link, ifa, ifb);
    }

    /* values: see Link.set; both ways, unless { oneway: true }: from a to b. */
    async bad(a, b, { oneway = false, ...values } = {}) {
        const link = new Link(this, ++this.n_links, a, b);
        const [ifa, ifb] = [`up${link.n}`, `down${link.n}`];
        const options = Object.entries(values).map(([letter, v]) => `-${letter} ${v}`).join(' ');
        const said = await this.shell(`ns_bad ${a.name} ${ifa} ${link.v4[0]}/24 ${b.name} ${ifb} ` +
            `${link.v4[1]}/24 ${oneway ? '-1' : ''} ${options} && echo $IMPAIR_FD`);
        link.fd = said.at(-1);
        return this.addAddresses(link, ifa, ifb);
    }

    close() {
        const ended = new Promise((resolve) => this.child.on('exit', resolve));
        this.child.stdin.end();
        return withDeadline(ended, SHELL_MS, () => 'the namespaces do not go');
    }
}

/* ---- viewers ---- */

function quantile(sorted, q) {
    return sorted.length > 0 ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] : NaN;
}

/* Frames as they were seen: [{ at_ms (since 1970), latency_ms }] */
export class Seen {
    constructor(start_ms) {
        this.start_ms = start_ms;
        this.frames = [];
        this.summary = null; /* of avocet latency */
    }

    /* Of the frames seen from from_s to to_s after the start. */
    stats(from_s = 0, to_s = Infinity) {
        const [from, to] = [this.start_ms + from_s * 1000, this.start_ms + to_s * 1000];
        const frames = this.frames.filter((f) => f.at_ms >= from && f.at_ms < to);
        const sorted = frames.map((f) => f.latency_ms).sort((a, b) => a - b);
        const times = [from, ...frames.map((f) => f.at_ms), Math.min(to, this.end_ms ?? to)];
        const gaps = times.slice(1).map((t, i) => t - times[i]).filter(Number.isFinite);
        return {
            n: frames.length,
            p50_ms: Math.round(quantile(sorted, 0.5)),
            p95_ms: Math.round(quantile(sorted, 0.95)),
            max_ms: Math.round(sorted[sorted.length - 1]),
            freeze_ms: Math.round(Math.max(...gaps)),
        };
    }

    /* Seconds after from_s (and the start) until a second begins in which n frames or more are seen,
     * all younger than limit_ms; Infinity: none does. */
    wellAfter(from_s, n, limit_ms) {
        const from = this.start_ms + from_s * 1000;
        const frames = this.frames.filter((f) => f.at_ms >= from);
        const first = frames.find((f, i) => {
            const second = frames.slice(i).filter(({ at_ms }) => at_ms < f.at_ms + 1000);
            return second.length >= n && second.every(({ latency_ms }) => latency_ms < limit_ms);
        });
        return first ? (first.at_ms - from) / 1000 : Infinity;
    }
}

function hostPort(avocet, address) {
    const host = address.includes(':') ? `[${address}]` : address;
    return `${host}:${avocet.servers.http.port}`;
}

export function urlOver(link, avocet, pathname, { v6 = false, scheme = 'http' } = {}) {
    return `${scheme}://${hostPort(avocet, (v6 ? link.v6 : link.v4)[0])}${pathname}`;
}

/* `avocet latency` at the far end of the link, or (ws…) our WebSocket viewer: Seen. The child is in
 * seen.child while it runs, when seen is given. */
export async function watch(avocet, link, pathname, { seconds, v6 = false, seen = new Seen() }) {
    const isWs = pathname.includes('/ws?');
    const url = urlOver(link, avocet, pathname, { v6, scheme: isWs ? 'ws' : 'http' });
    const child = isWs
        ? link.b.spawn(process.execPath, [path.join(root, 'tests/lab/ws-watch.mjs'), url, String(seconds)],
            { stdio: ['ignore', 'pipe', 'pipe'] })
        : link.b.spawn(program, ['latency', url, '--each', '--json', '--seconds', String(seconds)],
            { stdio: ['ignore', 'pipe', 'pipe'] });
    watching.add(child);
    let said = '';
    seen.start_ms ??= Date.now();
    seen.child = child;
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('{')) {
            seen.summary = JSON.parse(line);
        } else {
            const [at_ms, latency_ms] = line.split(' ').map(Number);
            seen.frames.push({ at_ms, latency_ms });
        }
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    watching.delete(child);
    seen.end_ms = Date.now();
    if (code !== 0) {
        throw new Error(`${url}: ${said.trim() || `status ${code}`}`);
    }
    return seen;
}

/* What the server says, asked over a link's first host. */
export async function metrics(avocet, link) {
    const text = await link.a.run('curl', '-sS', '--noproxy', '*',
        urlOver(link, avocet, '/metrics'));
    return (sample) => {
        const line = text.split('\n').find((l) => l.startsWith(sample + ' '));
        return line === undefined ? undefined : Number(line.slice(sample.length + 1));
    };
}

/* The server on a host of its own, reached over every link. */
export { spawnAvocet };
