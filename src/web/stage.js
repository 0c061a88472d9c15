/*
 * Where the picture is: a video, a canvas and an img, one of which shows, and above them the last
 * picture of a connection that ended, until the next one brings its first.
 */
function element(tag, className, properties = {}) {
    const made = Object.assign(
        document.createElement(tag),
        { className, hidden: true },
        properties,
    );
    made.setAttribute('aria-hidden', 'true');
    return made;
}

const sizeOf = (picture) => ({
    width: picture.videoWidth ?? picture.naturalWidth ?? picture.width,
    height: picture.videoHeight ?? picture.naturalHeight ?? picture.height,
});

export class Stage {
    shown = null; // the element that has the picture, or null
    #pictures;
    #still = element('canvas', 'picture still');

    constructor(container) {
        this.container = container;
        this.#pictures = {
            video: element('video', 'picture', { muted: true, playsInline: true, autoplay: true }),
            canvas: element('canvas', 'picture'),
            img: element('img', 'picture', { alt: '' }),
        };
        this.#pictures.video.disableRemotePlayback = true;
        container.append(...Object.values(this.#pictures), this.#still);
    }

    get video() {
        return this.#pictures.video;
    }

    /* A fresh img or canvas each time: what was in it may still be loading or configured. */
    renew(kind) {
        const old = this.#pictures[kind];
        const fresh = element(kind, 'picture');
        if (kind === 'img') {
            fresh.alt = '';
        }
        old.replaceWith(fresh);
        this.#pictures[kind] = fresh;
        return fresh;
    }

    /* This element has its first picture. */
    show(picture) {
        for (const other of Object.values(this.#pictures)) {
            other.hidden = other !== picture;
        }
        this.#still.hidden = true;
        this.shown = picture;
    }

    /* Copies what is on screen, in case it is gone when hold() needs it. */
    keep() {
        const { width, height } = this.shown ? sizeOf(this.shown) : {};
        if (width && height) {
            Object.assign(this.#still, { width, height });
            this.#still.getContext('2d').drawImage(this.shown, 0, 0);
        }
    }

    /* From now on the last picture is shown as a still. */
    hold() {
        if (this.shown) {
            this.keep();
            this.#still.hidden = false;
            this.shown.hidden = true;
            this.shown = null;
        }
    }

    get hasPicture() {
        return Boolean(this.shown) || !this.#still.hidden;
    }

    /* What is on screen as a JPEG; null if there is nothing that could be read. */
    async snapshot() {
        const picture = this.shown ?? (this.#still.hidden ? null : this.#still);
        const { width, height } = picture ? sizeOf(picture) : {};
        if (!width || !height || picture instanceof HTMLImageElement) {
            return null; // of an img, Firefox gives the first picture for ever
        }
        const canvas = Object.assign(document.createElement('canvas'), { width, height });
        canvas.getContext('2d').drawImage(picture, 0, 0);
        return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95));
    }
}
