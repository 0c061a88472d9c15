/*
 * window.avocet: the player for scripts and tests. Stable:
 *
 *   version            1
 *   name               of the stream
 *   phase              see player.js: 'playing' when a picture moves
 *   transport          'webrtc', 'webcodecs', 'mse', 'mjpeg': what plays; null: nothing yet
 *   reason             why this one, in words
 *   report             [{id, state, reason}] of all transports, best first
 *   picture            the element with the picture (video, canvas or img), or null
 *   stats()            {transport, reason, phase, mode, width, height, fps, bitrateBps, loss,
 *                      dropped, viewers, latency: {medianMs, worstMs, serverMs, networkMs,
 *                      playerMs, frames, isEstimate}}; what is not known is null
 *   onframe            null or function(frame), called while the frame is on screen:
 *                      {captureMs, presentedMs, mediaTime, rtpTimestamp, latencyMs}. captureMs and
 *                      presentedMs are the server's clock, ms since 1970. With WebRTC the
 *                      capture time may come a moment later: captureMs is null then, and is filled
 *                      in on the same object.
 *   play(), pause()
 *   use(id)            a transport by hand; null: automatic
 *   setMode(mode)      'drive', 'watch', 'smooth'
 *   readTimecode()     promise of the capture time drawn in the test picture, or null
 */
export function exposeApi(player, stage) {
    const api = {
        version: 1,
        name: player.name,
        onframe: null,
        stats: () => player.stats(),
        play: () => player.play(),
        pause: () => player.pause(),
        use: (id) => player.use(id),
        setMode: (mode) => player.setMode(mode),
        readTimecode: async () => {
            const { readTimecode } = await import('./timecode.js');
            return stage.shown && readTimecode(stage.shown);
        },
        get phase() {
            return player.phase;
        },
        get transport() {
            return player.stats().transport;
        },
        get reason() {
            return player.reason;
        },
        get report() {
            return player.report;
        },
        get picture() {
            return stage.shown;
        },
    };
    player.onFrame = (frame) => api.onframe?.(frame);
    globalThis.avocet = Object.seal(api);
}
