/* Picture in picture: of the video, or of a video made from the canvas. An img cannot. */
let helper = null;

const isVideo = (element) => element instanceof HTMLVideoElement;

export function canPip(stage) {
    const { shown } = stage;
    const isAllowed =
        document.pictureInPictureEnabled ||
        stage.video.webkitSupportsPresentationMode?.('picture-in-picture');
    return Boolean(
        isAllowed && shown && (isVideo(shown) || shown.captureStream) && shown.tagName !== 'IMG',
    );
}

export const isInPip = (stage) =>
    Boolean(document.pictureInPictureElement) ||
    stage.video.webkitPresentationMode === 'picture-in-picture';

export async function togglePip(stage) {
    if (document.pictureInPictureElement) {
        await document.exitPictureInPicture();
    } else if (isVideo(stage.shown)) {
        await enter(stage.shown);
    } else {
        helper ??= Object.assign(document.createElement('video'), {
            muted: true,
            playsInline: true,
        });
        helper.srcObject = stage.shown.captureStream();
        await helper.play();
        await enter(helper);
    }
}

async function enter(video) {
    if (video.requestPictureInPicture) {
        await video.requestPictureInPicture();
    } else {
        const mode = video.webkitPresentationMode === 'inline' ? 'picture-in-picture' : 'inline';
        video.webkitSetPresentationMode(mode);
    }
}
