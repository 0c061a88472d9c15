/*
 * Runs in the page before any of its own code: notes when the first picture can be on the page, and
 * the steps on the way, in milliseconds since the page was opened (performance.timeOrigin).
 *
 * The first picture is there at the tick of the display at which an element that is visible has
 * pixels whose timecode can be read; a video's count only once the browser says that it presents
 * them. Nothing is asked of the page, and nothing read, before.
 */
export function probeFirstPicture(via, { readTimecode }) {
    const steps = {};
    const note = (name, atMs = performance.now()) => {
        steps[name] ??= atMs;
    };
    const watched = new WeakMap(); // video -> is a frame presented?

    function isPresented(element) {
        if (!element.requestVideoFrameCallback) {
            return true;
        }
        if (!watched.has(element)) {
            watched.set(element, false);
            element.requestVideoFrameCallback(() => {
                watched.set(element, true);
                note('presented');
            });
        }
        return watched.get(element);
    }

    function hasPicture(element) {
        const width = element.videoWidth || element.naturalWidth || element.width;
        return (
            isPresented(element) && // asked first, as this begins to watch it
            width > 300 && // an empty canvas has that
            element.checkVisibility() &&
            readTimecode(element) !== null
        );
    }

    function noteRequests() {
        const html = performance.getEntriesByType('navigation')[0];
        note('html', html.responseEnd);
        for (const { initiatorType, name, startTime, responseEnd } of performance.getEntriesByType('resource')) {
            if (initiatorType === 'fetch' && /\/whep($|\?)/.test(name)) {
                note('offer', startTime);
                note('answer', responseEnd);
            }
        }
    }

    function watchConnections() {
        globalThis.RTCPeerConnection = class extends RTCPeerConnection {
            constructor(...options) {
                note('started');
                super(...options);
                this.addEventListener('connectionstatechange', () => note(this.connectionState));
            }
        };
        globalThis.WebSocket = class extends WebSocket {
            constructor(url) {
                super(url);
                if (!/format=meta/.test(url)) {
                    note('started');
                    this.addEventListener('open', () => note('open'));
                    this.addEventListener('message', ({ data }) =>
                        note(typeof data === 'string' ? 'hello' : 'media'),
                    );
                }
            }
        };
    }

    const tag = { webrtc: 'video', mse: 'video', webcodecs: 'canvas', mjpeg: 'img' }[via];
    watchConnections();
    globalThis.firstPicture = new Promise((resolve) => {
        const onTick = () => {
            const nowMs = performance.now();
            if ([...document.querySelectorAll(tag)].some(hasPicture)) {
                noteRequests();
                resolve({ ...steps, picture: nowMs });
            } else {
                requestAnimationFrame(onTick);
            }
        };
        requestAnimationFrame(onTick);
    });
}
