/*
 * Is anybody looking? Calls onRest() when the page has been hidden for a while, and onWake() as
 * soon as it is seen again. A page that was hidden only briefly hears nothing.
 */
const REST_AFTER_MS = 15000;

export function watchVisibility({
    onRest,
    onWake,
    mayRest = () => true,
    restAfterMs = REST_AFTER_MS,
}) {
    let timer = null;
    let isResting = false;
    const rest = () => {
        timer = null;
        if (document.hidden && mayRest()) {
            isResting = true;
            onRest();
        }
    };
    const onChange = () => {
        clearTimeout(timer);
        if (document.hidden) {
            timer = setTimeout(rest, restAfterMs);
        } else if (isResting) {
            isResting = false;
            onWake();
        }
    };
    document.addEventListener('visibilitychange', onChange);
    addEventListener('pagehide', () => {
        isResting = true;
        onRest();
    });
    addEventListener('pageshow', ({ persisted }) => persisted && onChange());
    onChange();
}
