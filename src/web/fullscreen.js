/*
 * Full screen of the whole player; where only a video may have it (iPhone), the video's own; where
 * even that is missing, the page fills its window.
 */
const FILLED = 'is-filled';

export const isFullscreen = () =>
    Boolean(document.fullscreenElement ?? document.webkitFullscreenElement) ||
    document.body.classList.contains(FILLED);

export async function toggleFullscreen(stage) {
    const root = document.documentElement;
    if (document.body.classList.contains(FILLED)) {
        document.body.classList.remove(FILLED);
    } else if (isFullscreen()) {
        await (document.exitFullscreen ?? document.webkitExitFullscreen).call(document);
    } else if (root.requestFullscreen ?? root.webkitRequestFullscreen) {
        const enter = root.requestFullscreen ?? root.webkitRequestFullscreen;
        await Promise.resolve(enter.call(root)).catch(() => document.body.classList.add(FILLED));
    } else if (stage.shown === stage.video && stage.video.webkitEnterFullscreen) {
        stage.video.webkitEnterFullscreen();
    } else {
        document.body.classList.add(FILLED);
    }
    document.dispatchEvent(new Event('fullscreenchange'));
}
