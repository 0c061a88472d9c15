/* Every sentence of the player that depends on what happens, in one place. */

export const TRANSPORT_NAMES = {
    webrtc: 'WebRTC',
    webcodecs: 'WebCodecs',
    mse: 'MSE',
    mjpeg: 'MJPEG',
};

export const MODE_NAMES = { drive: 'Drive', watch: 'Watch', smooth: 'Smooth' };

/* phase -> [title, detail] */
const PHASES = {
    connecting: ({ via }) => ['Connecting', via ? `by ${via}` : ''],
    starting: ({ detail }) => [
        'The camera is starting',
        detail || 'The picture comes as soon as it does.',
    ],
    stalled: ({ detail }) => [
        'The camera is not sending',
        detail || 'The picture comes back when it does.',
    ],
    reconnecting: ({ again }) => ['Reconnecting', `The server does not answer. ${again}`],
    offline: () => ['You are offline', 'The picture comes back with the network.'],
    missing: ({ name }) => [`There is no stream “${name}”`, 'Waiting in case it appears.'],
    refused: ({ detail }) => ['The server refuses', detail || ''],
    failed: ({ again, via, retryInS }) => [
        'No way to play it works here',
        retryInS || !via ? again : `Trying ${via} again.`,
    ],
    gesture: () => ['Tap to play', 'This browser plays only when asked.'],
    paused: () => ['Paused', ''],
    suspended: () => ['Resting', 'The picture comes back when you look.'],
};

/* {title, detail} of what is on screen instead of the picture, or above it; '' for nothing. */
export function phaseWords({ phase, name, transport, detail, retryInS }) {
    const via = TRANSPORT_NAMES[transport];
    const again = retryInS ? `Trying again in ${retryInS} s.` : 'Trying again now.';
    const [title, text] = PHASES[phase]?.({ via, again, name, detail, retryInS }) ?? ['', ''];
    return { title, detail: text };
}

/* Why this transport and no better one. report: see Ladder.report(). */
export function transportReason({ current, forced, remembered, report }) {
    if (!current) {
        return '';
    }
    if (forced) {
        return 'chosen by hand';
    }
    const better = report.slice(
        0,
        report.findIndex((row) => row.id === current),
    );
    const why = better
        .filter((row) => row.reason)
        .map((row) => `${TRANSPORT_NAMES[row.id]}: ${row.reason}`);
    if (why.length) {
        return why.join('; ');
    }
    if (better.length && remembered === current) {
        return 'it worked here last time';
    }
    return better.length ? '' : 'the fastest way';
}

const DASH = '–';

export const showMs = (ms) => (ms === null || ms === undefined ? DASH : `${Math.round(ms)} ms`);

export function showBitrate(bps) {
    if (bps === null || bps === undefined) {
        return DASH;
    }
    return bps >= 999500
        ? `${(bps / 1e6).toFixed(bps >= 9.95e6 ? 0 : 1)} Mbit/s`
        : `${Math.round(bps / 1000)} kbit/s`;
}

export const showSize = (width, height) => (width && height ? `${width} × ${height}` : DASH);

export function showRate(fps) {
    return fps === null || fps === undefined
        ? DASH
        : String(Math.abs(fps - Math.round(fps)) < 0.25 ? Math.round(fps) : fps.toFixed(1));
}

export const showPercent = (part) =>
    part === null || part === undefined
        ? DASH
        : part > 0 && part < 0.001
          ? '< 0.1 %'
          : `${(part * 100).toFixed(part === 0 ? 0 : 1)} %`;

export const showCount = (n) => (n === null || n === undefined ? DASH : String(n));
