/*
 * A WebSocket of the server: hello first, then JSON texts and binary messages; pings that keep the
 * clock set. One hello per connection; close() is silent, everything else ends in onClose(reason).
 */
const FIRST_PINGS_MS = [0, 60, 150, 300, 600];
const PING_MS = 2000;
const SILENT_MS = 10000; // not even a pong: the way is gone, though nobody has said so

export function openSocket(url, { clock, onHello, onJson, onBytes, onClose }) {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let isOver = false;
    let gotHello = false;
    let heardMs = performance.now();
    const timers = new Set();

    const after = (ms, run) => {
        const id = setTimeout(() => {
            timers.delete(id);
            run();
        }, ms);
        timers.add(id);
    };
    const end = (reason) => {
        if (isOver) {
            return;
        }
        isOver = true;
        timers.forEach(clearTimeout);
        socket.onmessage = socket.onclose = socket.onerror = socket.onopen = null;
        socket.close();
        if (reason !== null) {
            onClose?.(reason);
        }
    };
    const ping = () => socket.send(JSON.stringify({ type: 'ping', t: performance.now() }));
    const pingOften = () => {
        if (performance.now() - heardMs > SILENT_MS) {
            end('the server has fallen silent');
            return;
        }
        ping();
        after(PING_MS, pingOften);
    };
    const onText = (message) => {
        if (message.type === 'pong') {
            clock.add(message.t, performance.now(), message.server_ms);
        } else if (message.type === 'hello') {
            gotHello = true;
            onHello?.(message);
        } else {
            onJson?.(message);
        }
    };

    socket.onopen = () => {
        FIRST_PINGS_MS.forEach((ms) => after(ms, ping));
        after(PING_MS, pingOften);
    };
    socket.onmessage = ({ data }) => {
        heardMs = performance.now();
        if (typeof data !== 'string') {
            onBytes?.(data);
            return;
        }
        let message = null;
        try {
            message = JSON.parse(data);
        } catch {
            return;
        }
        if (message && typeof message === 'object') {
            onText(message);
        }
    };
    socket.onclose = ({ code, reason }) => {
        const why = code === 1006 ? '' : ` (code ${code})`;
        end(
            reason ||
                (gotHello ? `the connection was closed${why}` : `no WebSocket to the server${why}`),
        );
    };
    return {
        close: () => end(null),
        send: (message) =>
            socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message)),
        get waitingBytes() {
            return socket.bufferedAmount;
        },
    };
}
