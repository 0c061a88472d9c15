/*
 * Plays one stream on one stage: decides when to connect, by what, and what to say meanwhile. It
 * has no buttons; the pages listen to onChange(player) and draw them.
 *
 * Phases: connecting, starting, stalled, playing, reconnecting, offline, missing, refused, failed,
 * gesture (the browser wants a tap), paused (by the user), suspended (nobody looks).
 */
import { Clock } from './clock.js';
import { InfoPoller } from './info.js';
import { Ladder, TRANSPORTS, pictureBudgetMs } from './ladder.js';
import { Meta } from './meta.js';
import { Meters } from './meters.js';
import { streamBase } from './paths.js';
import { transportReason } from './words.js';
import { mjpeg } from './mjpeg.js';
import { mse } from './mse.js';
import { webcodecs } from './webcodecs.js';
import { webrtc } from './webrtc.js';

const OPENERS = { webrtc, webcodecs, mse, mjpeg };
/* A canvas cannot buffer: where smoothness counts, it comes after the video elements. */
const SMOOTH_ORDER = ['webrtc', 'mse', 'webcodecs', 'mjpeg'];

const TICK_MS = 100;
const SAMPLE_MS = 500;
const ASK_WAITING_MS = 250;
const ASK_PLAYING_MS = 2000;
const LOST_AFTER_MS = 2000;
const STALE_AFTER_MS = 900; // no frame for this long: ask the server whether the camera sends
const KEYFRAME_EVERY_MS = 1000;

export class Player {
    phase = 'connecting';
    transport = null; // that plays or is being tried
    info;

    #name;
    #base;
    #stage;
    #ladder;
    #askedMode;
    #memory;
    #remembered;
    #onChange;
    #clock = new Clock();
    #meters = new Meters(this.#clock);
    #meta = null;
    #session = null;
    #attempt = 0;
    #isWanted = false;
    #isSuspended = false;
    #isChecking = false;
    #wantsGesture = false;
    #lastFrameMs = -Infinity;
    #decoded = 0;
    #visibleSinceMs = 0;
    #keyframeMs = -Infinity;
    #timers = [];
    #listeners = new AbortController();
    onFrame = null;

    /*
     * memory: {load() -> transport or null, save(transport)}; askEveryMs: how often the server is
     * asked while all is well; withMeta: false saves a connection, and knows no latency by WebRTC.
     */
    constructor({ name, stage, mode = null, via = null, withMeta = true, askEveryMs = ASK_PLAYING_MS, memory, onChange }) {
        this.#name = name;
        this.#base = streamBase(name, location.origin);
        this.#stage = stage;
        this.#askedMode = mode;
        this.#memory = memory;
        this.#remembered = memory.load();
        this.#onChange = onChange;
        this.#ladder = this.#makeLadder(via);
        this.info = new InfoPoller(new URL('info', this.#base), {
            onAnswer: () => this.#tick(),
            intervalMs: () => (this.#ladder.isPlaying && !this.#isStale() ? askEveryMs : ASK_WAITING_MS),
        });
        if (withMeta) {
            this.#meta = new Meta(this.#base, this.#clock, {
                onFrame: (frame) => this.#meters.addMeta(frame),
                onState: () => this.info.ask(),
            });
        }
        const { signal } = this.#listeners;
        document.addEventListener('visibilitychange', () => {
            this.#visibleSinceMs = performance.now();
        }, { signal });
        addEventListener('online', () => this.#onOnline(), { signal });
    }

    get name() {
        return this.#name;
    }

    /* What the user or the server chose. */
    get mode() {
        return this.#askedMode ?? this.info.info?.mode ?? 'watch';
    }

    get forced() {
        return this.#ladder.forced;
    }

    get isPaused() {
        return !this.#isWanted;
    }

    get report() {
        return this.#ladder.report();
    }

    get reason() {
        return transportReason({
            current: this.transport,
            forced: this.forced,
            remembered: this.#remembered,
            report: this.report,
        });
    }

    /* In words, what the server said about why there is no picture. */
    get detail() {
        return this.info.reach === 'refused' ? this.info.refusal : this.info.info?.error ?? '';
    }

    get retryInS() {
        const untilMs = this.phase === 'failed' ? this.#ladder.waitUntilMs : this.info.nextMs;
        return untilMs === null ? 0 : Math.max(0, Math.ceil((untilMs - performance.now()) / 1000));
    }

    stats() {
        return {
            transport: this.phase === 'playing' || this.phase === 'stalled' ? this.transport : null,
            reason: this.reason,
            phase: this.phase,
            mode: this.mode,
            viewers: this.info.info?.viewers ?? null,
            ...this.#meters.summary(this.#countsFrames, { serverMs: this.info.info?.serverMs ?? null, rttMs: this.info.rttMs }),
        };
    }

    play() {
        if (this.#isWanted && this.#wantsGesture) {
            this.#wantsGesture = false;
            this.#stage.video.play().catch((error) => this.#onPlayRefused(error));
        }
        if (!this.#isWanted) {
            this.#isWanted = true;
            this.#resume();
        }
    }

    pause() {
        this.#isWanted = false;
        this.#rest();
        this.#setPhase('paused');
    }

    /* Nobody looks; wake() is the opposite. A paused player stays paused. */
    suspend() {
        this.#isSuspended = true;
        if (this.#isWanted) {
            this.#rest();
            this.#setPhase('suspended');
        }
    }

    wake() {
        if (this.#isSuspended) {
            this.#isSuspended = false;
            if (this.#isWanted) {
                this.#resume();
            }
        }
    }

    /* Do not wait for the next try. */
    retry() {
        if (this.#isActive && this.#ladder.waitUntilMs !== null) {
            this.#ladder.start(performance.now());
        }
        this.info.ask();
    }

    /* A transport by hand, or null: automatic. */
    use(id) {
        this.#ladder.use(id, performance.now());
        if (!id) {
            this.#remembered = null;
            this.#memory.save(null);
        }
        this.#tick();
    }

    setMode(mode) {
        this.#askedMode = mode;
        const { forced, proven } = this.#ladder;
        this.#closeSession();
        this.#ladder = this.#makeLadder(forced, proven);
        this.#attempt = 0;
        if (this.#isActive) {
            this.#ladder.start(performance.now());
        }
        this.#tick();
    }

    /* For good. */
    close() {
        this.#isWanted = false;
        this.#listeners.abort();
        this.#rest();
    }

    get #isActive() {
        return this.#isWanted && !this.#isSuspended;
    }

    #makeLadder(forced, proven = this.#remembered) {
        const order = this.#askedMode === 'smooth' ? SMOOTH_ORDER : TRANSPORTS;
        const unusable = {};
        for (const id of order) {
            const reason = OPENERS[id].check();
            if (reason) {
                unusable[id] = reason;
            }
        }
        return new Ladder({ order, unusable, proven, forced });
    }

    #resume() {
        this.#ladder.start(performance.now());
        this.info.start();
        this.#timers = [setInterval(() => this.#tick(), TICK_MS), setInterval(() => this.#sample(), SAMPLE_MS)];
        this.#tick();
    }

    #rest() {
        this.#timers.forEach(clearInterval);
        this.#timers = [];
        this.info.stop();
        this.#meta?.close();
        this.#ladder.hold();
        this.#closeSession();
    }

    #onOnline() {
        this.#ladder.forget();
        if (this.#isActive) {
            this.info.ask();
        }
    }

    /* Everything that depends on time or on the server's last answer. */
    #tick() {
        if (!this.#isActive || this.#isChecking) {
            return;
        }
        const nowMs = performance.now();
        if (this.#isServerAway(nowMs)) {
            this.#ladder.hold();
        } else if (this.#ladder.current === null && this.#ladder.waitUntilMs === null) {
            this.#ladder.start(nowMs);
        }
        this.#ladder.tick(nowMs, this.info.canDeliver && !document.hidden, this.#budgetMs(), this.#session?.explain());
        this.#followLadder();
        this.#watch(nowMs);
        this.#updatePhase(nowMs);
    }

    #budgetMs() {
        const fps = this.info.info?.fps;
        return pictureBudgetMs(this.info.rttMs, fps ? 1000 / fps : null);
    }

    /* A picture that still comes says more than an answer that does not. */
    #isServerAway(nowMs) {
        const isAway = ['away', 'missing', 'refused'].includes(this.info.reach);
        return isAway && !(this.#session && this.#countsFrames && nowMs - this.#lastFrameMs < STALE_AFTER_MS);
    }

    #followLadder() {
        const { attempt, current } = this.#ladder;
        if (current === null || attempt !== this.#attempt) {
            this.#closeSession();
        }
        if (current !== null && attempt !== this.#attempt) {
            this.#attempt = attempt;
            this.#openSession(current);
        }
    }

    #openSession(id) {
        this.transport = id;
        this.#wantsGesture = false;
        this.#meters.renew();
        this.#decoded = 0;
        if (id === 'mjpeg') {
            this.#meta?.close(); // no reason to run an H.264 encoder
        } else {
            this.#meta?.open();
        }
        const isCurrent = () => env === this.#env;
        const when = (run) => (...args) => isCurrent() && run(...args);
        const env = {
            base: this.#base,
            stage: this.#stage,
            clock: this.#clock,
            mode: this.mode,
            askedMode: this.#askedMode,
            wantsAudio: this.info.info?.hasAudio ?? false,
            onJson: (message) => message.type === 'state' && this.info.ask(),
            canDeliver: () => this.info.canDeliver,
            askForKeyframe: () => this.#askForKeyframe(),
            onPlayRefused: when((error) => this.#onPlayRefused(error)),
            onPicture: when(() => this.#onPicture()),
            onFrame: when((frame) => this.#onPresented(frame)),
            onSize: when((width, height) => this.#meters.setSize(width, height)),
            onRefresh: when(() => this.#reopen()),
            onEnd: (reason) => queueMicrotask(() => isCurrent() && this.#onTrouble(reason)),
        };
        this.#env = env;
        try {
            this.#session = OPENERS[id].open(env);
        } catch (error) {
            env.onEnd(error.message);
        }
    }

    #env = null;

    #closeSession() {
        this.#env = null;
        if (this.#session) {
            this.#stage.hold();
            this.#session.close();
            this.#session = null;
        }
    }

    /* The same again, and no sign that anything is wrong with it. */
    #reopen() {
        this.#closeSession();
        this.#openSession(this.#ladder.current);
    }

    #onPicture() {
        const { current } = this.#ladder;
        this.#lastFrameMs = performance.now();
        this.#ladder.picture(this.#lastFrameMs);
        if (!this.forced) {
            this.#memory.save(current);
        }
        this.#stage.show(this.#session.element);
        this.#sample();
        this.#updatePhase(this.#lastFrameMs);
    }

    #onPresented(frame) {
        this.#lastFrameMs = performance.now();
        const shown = this.#meters.addFrame(frame);
        this.onFrame?.(shown);
    }

    #onPlayRefused(error) {
        if (error.name === 'NotAllowedError') {
            this.#wantsGesture = true;
            this.#updatePhase(performance.now());
        }
    }

    /* The connection ended. Only when the server is there is it the transport's fault. */
    async #onTrouble(reason) {
        const wasPlaying = this.#ladder.isPlaying;
        const attempt = this.#attempt;
        this.#closeSession();
        this.#isChecking = true;
        await this.info.ask();
        this.#isChecking = false;
        if (attempt === this.#ladder.attempt && this.info.reach === 'ok' && this.#isActive) {
            if (wasPlaying) {
                this.#ladder.lost(performance.now(), reason);
            } else {
                this.#ladder.failed(performance.now(), reason);
            }
        }
        this.#tick();
    }

    /* An img shows frames, but tells nobody. */
    get #countsFrames() {
        return this.#session?.countsFrames !== false;
    }

    #isStale(nowMs = performance.now()) {
        return this.#countsFrames && nowMs - this.#lastFrameMs > STALE_AFTER_MS;
    }

    /* It plays; does it still? */
    #watch(nowMs) {
        if (!this.#ladder.isPlaying || !this.#countsFrames || document.hidden || this.#wantsGesture) {
            return;
        }
        const intervalMs = this.info.info?.fps ? 1000 / this.info.info.fps : 0;
        const quietMs = nowMs - Math.max(this.#lastFrameMs, this.#visibleSinceMs);
        const staleMs = Math.max(STALE_AFTER_MS, 3 * intervalMs);
        if (quietMs > staleMs && this.info.nextMs - nowMs > ASK_WAITING_MS) {
            this.info.ask();
        }
        const since = Math.max(this.#lastFrameMs, this.#visibleSinceMs, this.info.deliverableSinceMs ?? nowMs);
        if (nowMs - since > Math.max(LOST_AFTER_MS, this.#budgetMs())) {
            this.#onTrouble('the picture stopped');
        }
    }

    #updatePhase(nowMs) {
        if (this.#isActive) {
            this.#setPhase(this.#currentPhase(nowMs));
        }
    }

    #currentPhase(nowMs) {
        const { reach, info } = this.info;
        const { isPlaying, hasFailed } = this.#ladder;
        if (this.#wantsGesture) {
            return 'gesture';
        }
        if (this.#isServerAway(nowMs)) {
            return reach === 'away' ? (navigator.onLine ? 'reconnecting' : 'offline') : reach;
        }
        if (isPlaying && this.#countsFrames && !this.#isStale(nowMs)) {
            return 'playing';
        }
        if (reach === 'ok' && (info.state === 'stalled' || info.state === 'starting')) {
            return info.state;
        }
        return isPlaying ? 'playing' : hasFailed ? 'failed' : 'connecting';
    }

    #setPhase(phase) {
        const isNew = phase !== this.phase;
        this.phase = phase;
        if (isNew || phase !== 'playing') {
            this.#onChange(this);
        }
    }

    /* Twice a second: what the connection counted. */
    async #sample() {
        const session = this.#session;
        const counters = await session?.stats();
        if (counters && session === this.#session) {
            this.#meters.addCounters(counters);
            this.#noteDecoded(counters.decoded);
        }
        this.#onChange(this);
    }

    /* Scrolled out of view inside a frame, nothing is presented, yet all is well. */
    #noteDecoded(decoded) {
        if (decoded > this.#decoded) {
            this.#lastFrameMs = performance.now();
            if (!this.#ladder.isPlaying) {
                this.#onPicture();
            }
        }
        this.#decoded = decoded ?? 0;
    }

    #askForKeyframe() {
        const nowMs = performance.now();
        if (nowMs - this.#keyframeMs > KEYFRAME_EVERY_MS) {
            this.#keyframeMs = nowMs;
            const path = `/api/v1/streams/${this.#name.split('/').map(encodeURIComponent).join('/')}/keyframe`;
            fetch(path, { method: 'POST' }).catch(() => {});
        }
    }
}
