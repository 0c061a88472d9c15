/* Asks the server for a keyframe, at most once a second. */
const EVERY_MS = 1000;

export function makeKeyframeWish(name) {
    const path = name.split('/').map(encodeURIComponent).join('/');
    let lastMs = -Infinity;
    return () => {
        const nowMs = performance.now();
        if (nowMs - lastMs > EVERY_MS) {
            lastMs = nowMs;
            fetch(`/api/v1/streams/${path}/keyframe`, { method: 'POST' }).catch(() => {});
        }
    };
}
