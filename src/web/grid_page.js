/* /: the list of streams as tiles, kept up to date. */
import { Tile } from './tile.js';
import { TRANSPORTS } from './ladder.js';
import { backoffMs } from './backoff.js';
import { byId, setText } from './dom.js';
import { readQuery } from './paths.js';
import { watchVisibility } from './visibility.js';

const REFRESH_MS = 3000;
const TIMEOUT_MS = 5000;

const tiles = new Map();
const { mode } = readQuery(location.search, TRANSPORTS);
const inView = new IntersectionObserver(
    (entries) => {
        for (const { target, isIntersecting } of entries) {
            [...tiles.values()].find((tile) => tile.element === target)?.setInView(isIntersecting);
        }
    },
    { rootMargin: '100px' },
);

let timer = null;
let failures = 0;
let isAwake = true;

async function load() {
    const answer = await fetch('/api/v1/streams', {
        cache: 'no-store',
        signal: AbortSignal.timeout?.(TIMEOUT_MS),
    });
    const json = await answer.json();
    if (!answer.ok) {
        throw new Error(json.error ?? `${answer.status} ${answer.statusText}`);
    }
    return json.streams;
}

function show(streams) {
    const names = new Set(streams.map((stream) => stream.name));
    for (const [name, tile] of tiles) {
        if (!names.has(name)) {
            inView.unobserve(tile.element);
            tile.close();
            tiles.delete(name);
        }
    }
    for (const stream of streams) {
        if (!tiles.has(stream.name)) {
            const tile = new Tile(stream.name, mode);
            tiles.set(stream.name, tile);
            byId('grid').append(tile.element);
            inView.observe(tile.element);
        }
        tiles.get(stream.name).update(stream);
    }
    byId('empty').hidden = streams.length > 0;
    setText(
        byId('count'),
        streams.length === 0 ? '' : streams.length === 1 ? '1 stream' : `${streams.length} streams`,
    );
}

async function refresh() {
    clearTimeout(timer);
    try {
        show(await load());
        failures = 0;
        byId('notice').hidden = true;
    } catch (error) {
        const isRefused = error.name === 'Error';
        setText(
            byId('notice'),
            isRefused ? error.message : 'Reconnecting: the server does not answer.',
        );
        byId('notice').hidden = failures++ < 1;
    }
    if (isAwake) {
        timer = setTimeout(refresh, failures ? backoffMs(failures - 1) : REFRESH_MS);
    }
}

function setAwake(wanted) {
    isAwake = wanted;
    tiles.forEach((tile) => tile.setAwake(wanted));
    if (wanted) {
        refresh();
    } else {
        clearTimeout(timer);
    }
}

watchVisibility({ onRest: () => setAwake(false), onWake: () => setAwake(true) });
addEventListener('online', refresh);
refresh();
