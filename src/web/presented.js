/*
 * Calls onFrame({presentedMs, mediaTime, rtpTimestamp, browserCaptureMs, presentedFrames, width,
 * height}) for each frame that a video presents; times are performance.now(). Returns a function
 * that ends it. Browsers without requestVideoFrameCallback are asked once per display tick whether
 * the picture moved on.
 */
export function watchFrames(video, onFrame) {
    return video.requestVideoFrameCallback
        ? watchByCallback(video, onFrame)
        : watchByClock(video, onFrame);
}

function watchByCallback(video, onFrame) {
    let id = 0;
    const next = (nowMs, meta) => {
        id = video.requestVideoFrameCallback(next);
        onFrame({
            presentedMs: Math.max(nowMs, meta.expectedDisplayTime ?? 0),
            mediaTime: meta.mediaTime,
            rtpTimestamp: meta.rtpTimestamp ?? null,
            browserCaptureMs: meta.captureTime ?? null,
            presentedFrames: meta.presentedFrames ?? null,
            width: meta.width,
            height: meta.height,
        });
    };
    id = video.requestVideoFrameCallback(next);
    return () => video.cancelVideoFrameCallback(id);
}

function watchByClock(video, onFrame) {
    let id = 0;
    let seen = 0;
    const next = (nowMs) => {
        id = requestAnimationFrame(next);
        const n = video.getVideoPlaybackQuality?.().totalVideoFrames ?? video.currentTime;
        if (n !== seen && video.readyState >= 2) {
            seen = n;
            onFrame({
                presentedMs: nowMs,
                mediaTime: null, // the time of which frame, nobody says
                rtpTimestamp: null,
                browserCaptureMs: null,
                presentedFrames: null,
                width: video.videoWidth,
                height: video.videoHeight,
            });
        }
    };
    id = requestAnimationFrame(next);
    return () => cancelAnimationFrame(id);
}
