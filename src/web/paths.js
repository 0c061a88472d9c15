/* Addresses of a stream, from its name, and of this page's choices, from its query. */

/* "cam", "shed/cam" from the page's own path; '' for the grid. */
export function nameFromPath(pathname) {
    const path = pathname.replace(/^\/+|\/+$/g, '');
    try {
        return decodeURIComponent(path);
    } catch {
        return path;
    }
}

export function streamBase(name, origin) {
    return new URL(`/${name.split('/').map(encodeURIComponent).join('/')}/`, origin);
}

/* An address below base, with those query values that are not empty. */
export function withQuery(base, path, query = {}) {
    const url = new URL(path, base);
    for (const [key, value] of Object.entries(query)) {
        if (value !== null && value !== undefined && value !== '') {
            url.searchParams.set(key, value);
        }
    }
    return url;
}

export function webSocketUrl(url) {
    const socket = new URL(url);
    socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
    return socket;
}

export const MODES = ['drive', 'watch', 'smooth'];

/* ?via=mse&mode=drive&embed&stats=1, with everything unknown left out. */
export function readQuery(search, transports) {
    const query = new URLSearchParams(search);
    const oneOf = (key, values) => (values.includes(query.get(key)) ? query.get(key) : null);
    return {
        via: oneOf('via', transports),
        mode: oneOf('mode', MODES),
        isEmbedded: query.has('embed') && query.get('embed') !== '0',
        stats: query.has('stats') ? query.get('stats') !== '0' : null,
    };
}
