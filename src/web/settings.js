/*
 * What this browser remembers of this host. Storage may be forbidden (private windows, iframes);
 * then nothing is remembered, and nothing breaks.
 */
const PREFIX = 'avocet.';
const TRANSPORT_FRESH_MS = 3600000; // an hour later, the best transport gets a new chance

function read(key) {
    try {
        return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
        return null;
    }
}

function write(key, value) {
    try {
        if (value === null) {
            localStorage.removeItem(PREFIX + key);
        } else {
            localStorage.setItem(PREFIX + key, JSON.stringify(value));
        }
    } catch {
        // nothing to be done
    }
}

/* The transport that worked last, if that is not long ago; null otherwise. */
export function rememberedTransport(nowMs = Date.now()) {
    const saved = read('transport');
    return saved && nowMs - saved.atMs < TRANSPORT_FRESH_MS && nowMs >= saved.atMs
        ? saved.id
        : null;
}

export function rememberTransport(id, nowMs = Date.now()) {
    const saved = read('transport');
    if (saved?.id !== id || !rememberedTransport(nowMs)) {
        write('transport', id && { id, atMs: nowMs });
    }
}

export const rememberedStats = () => read('stats');
export const rememberStats = (isOpen) => write('stats', isOpen);
