/* Keeps a phone's screen on while the picture plays. Returns function(isWanted). */
export function keepAwake() {
    let lock = null;
    let isAsking = false;
    return async (isWanted) => {
        if (!navigator.wakeLock || isAsking || document.hidden) {
            return;
        }
        if (!isWanted) {
            lock?.release().catch(() => {});
            lock = null;
        } else if (!lock || lock.released) {
            isAsking = true;
            lock = await navigator.wakeLock
                .request('screen')
                .catch(() => ({ released: false, release: async () => {} }));
            isAsking = false;
        }
    };
}
