/*
 * One stream of the grid: live while it is in view. Where only MJPEG works, a few tiles play it
 * (each takes one of the browser's six connections to this host) and the others show snapshots.
 */
import { Player } from './player.js';
import { Stage } from './stage.js';
import { make, setText } from './dom.js';
import { rememberTransport, rememberedTransport } from './settings.js';
import { showMs, showRate, showSize } from './words.js';
import { streamBase, withQuery } from './paths.js';

const MOST_MJPEG = 4;
const ASK_EVERY_MS = 6000; // the list says the same, more often
const SNAPSHOT_MS = 10000;
const SNAPSHOT_WIDTH = 640;
const LEAVE_MS = 1500; // scrolled past: not worth closing for
const STATES = {
    live: 'Live',
    idle: 'Idle',
    starting: 'Starting',
    stalled: 'No signal',
    stopping: 'Stopping',
};
const NOTES = {
    starting: 'The camera is starting',
    stalled: 'The camera is not sending',
    failed: 'This browser cannot play it',
    gesture: 'Tap to play',
};

const mjpegPlayers = new Set();

export class Tile {
    #name;
    #base;
    #note = make('p', { className: 'tile-note', hidden: true });
    #badge = make('span', { className: 'badge' });
    #facts = make('span', { className: 'tile-facts' });
    #stage;
    #player;
    #isInView = false;
    #isAwake = true;
    #leaveTimer = null;
    #snapshotTimer = null;
    #json = {};

    constructor(name, mode) {
        this.#name = name;
        this.#base = streamBase(name, location.origin);
        const stageBox = make('div', { className: 'tile-stage' });
        this.element = make(
            'a',
            { className: 'tile', href: this.#base.pathname },
            stageBox,
            make(
                'span',
                { className: 'tile-caption' },
                make('span', { className: 'tile-name' }, name),
                this.#badge,
                this.#facts,
            ),
        );
        this.#stage = new Stage(stageBox);
        stageBox.append(this.#note);
        this.#player = new Player({
            name,
            stage: this.#stage,
            mode,
            withMeta: false,
            askEveryMs: ASK_EVERY_MS,
            memory: { load: rememberedTransport, save: rememberTransport },
            onChange: () => this.#onChange(),
        });
    }

    /* The newest of the list about this stream. */
    update(json) {
        this.#json = json;
        this.element.dataset.state = json.state;
        setText(this.#badge, STATES[json.state] ?? json.state ?? '');
        this.#draw();
    }

    setInView(isInView) {
        this.#isInView = isInView;
        clearTimeout(this.#leaveTimer);
        this.#leaveTimer = setTimeout(() => this.#apply(), isInView ? 0 : LEAVE_MS);
    }

    setAwake(isAwake) {
        this.#isAwake = isAwake;
        this.#apply();
    }

    #apply() {
        const isWanted = this.#isInView && this.#isAwake;
        if (!isWanted) {
            this.#stopSnapshots();
            this.#player.pause();
            this.#release();
        } else if (!this.#snapshotTimer && this.#player.isPaused) {
            this.#player.play();
        }
    }

    #release() {
        mjpegPlayers.delete(this);
    }

    #onChange() {
        if (
            this.#player.transport === 'mjpeg' &&
            !this.#player.isPaused &&
            !mjpegPlayers.has(this)
        ) {
            if (mjpegPlayers.size >= MOST_MJPEG) {
                this.#player.pause();
                this.#startSnapshots();
                return;
            }
            mjpegPlayers.add(this);
        }
        this.#draw();
    }

    #startSnapshots() {
        this.#snapshot();
        this.#snapshotTimer = setInterval(() => this.#snapshot(), SNAPSHOT_MS);
    }

    #stopSnapshots() {
        clearInterval(this.#snapshotTimer);
        this.#snapshotTimer = null;
    }

    #snapshot() {
        if (mjpegPlayers.size < MOST_MJPEG) {
            this.#stopSnapshots(); // a place is free: play again
            this.#player.play();
            return;
        }
        const picture = new Image();
        picture.onload = () => {
            const shown = this.#stage.renew('img');
            shown.src = picture.src;
            this.#stage.show(shown);
        };
        picture.src = withQuery(this.#base, 'snapshot.jpg', {
            width: SNAPSHOT_WIDTH,
            at: Date.now(),
        });
    }

    #draw() {
        const { phase } = this.#player;
        const note =
            this.#json.error && phase !== 'playing' ? this.#json.error : (NOTES[phase] ?? '');
        this.#note.hidden = !note;
        setText(this.#note, note);
        const { width, height, fps, viewers } = this.#json;
        const { medianMs } = this.#player.stats().latency;
        const facts = [
            width ? showSize(width, height) : null,
            fps ? `${showRate(fps)} fps` : null,
            viewers > 1 ? `${viewers} viewers` : null,
            phase === 'playing' && medianMs !== null ? showMs(medianMs) : null,
        ];
        setText(this.#facts, facts.filter(Boolean).join(' · '));
    }

    close() {
        clearTimeout(this.#leaveTimer);
        this.#stopSnapshots();
        this.#player.close();
        this.#release();
        this.element.remove();
    }
}
