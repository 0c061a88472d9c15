/*
 * Plays one stream on one stage: decides when to connect, by what, and what to say meanwhile. It
 * has no buttons; the pages listen to onChange(player) and draw them.
 *
 * Phases: connecting, starting, stalled, playing, reconnecting, offline, missing, refused, failed,
 * gesture (the browser wants a tap), paused (by the user), suspended (nobody looks).
 */
import { Clock } from './clock.js';
import { Connection } from './connection.js';
import { InfoPoller } from './info.js';
import { Liveness } from './liveness.js';
import { Meta } from './meta.js';
import { Meters } from './meters.js';
import { makeLadder } from './openers.js';
import { makeKeyframeWish } from './keyframe.js';
import { phaseOf } from './phase.js';
import { pictureBudgetMs } from './ladder.js';
import { streamBase } from './paths.js';
import { transportReason } from './words.js';

const TICK_MS = 100;
const SAMPLE_MS = 500;
const ASK_FIRST_MS = 150; // until then all that is asked for is the picture
const ASK_WAITING_MS = 250;
const ASK_PLAYING_MS = 2000;
const AWAY = ['away', 'missing', 'refused'];

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
    #connection;
    #attempt = 0;
    #isWanted = false;
    #isSuspended = false;
    #isChecking = false;
    #wantsGesture = false;
    #liveness = new Liveness();
    #askForKeyframe;
    #timers = [];
    #listeners = new AbortController();
    onFrame = null;

    /*
     * memory: {load() -> transport or null, save(transport)}; askEveryMs: how often the server is
     * asked while all is well; withMeta: false saves a connection, and knows no latency by WebRTC.
     */
    constructor({
        name,
        stage,
        mode = null,
        via = null,
        withMeta = true,
        askEveryMs = ASK_PLAYING_MS,
        memory,
        onChange,
    }) {
        this.#name = name;
        this.#base = streamBase(name, location.origin);
        this.#stage = stage;
        this.#connection = new Connection(stage);
        this.#askedMode = mode;
        this.#memory = memory;
        this.#remembered = memory.load();
        this.#onChange = onChange;
        this.#askForKeyframe = makeKeyframeWish(name);
        this.#ladder = makeLadder({ mode, forced: via, proven: this.#remembered });
        this.info = new InfoPoller(new URL('info', this.#base), {
            onAnswer: () => this.#tick(),
            intervalMs: () =>
                this.#ladder.isPlaying && !this.#liveness.isStale(performance.now())
                    ? askEveryMs
                    : ASK_WAITING_MS,
        });
        if (withMeta) {
            this.#meta = new Meta(this.#base, this.#clock, {
                onFrame: (frame) => this.#meters.addMeta(frame),
                onState: () => this.info.ask(),
            });
        }
        const { signal } = this.#listeners;
        document.addEventListener(
            'visibilitychange',
            () => {
                this.#liveness.visible(performance.now());
            },
            { signal },
        );
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
        return this.info.reach === 'refused' ? this.info.refusal : (this.info.info?.error ?? '');
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
            ...this.#meters.summary(this.#connection.countsFrames, {
                serverMs: this.info.info?.serverMs ?? null,
                rttMs: this.info.rttMs,
            }),
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
        this.#connection.close();
        this.#ladder = makeLadder({ mode, forced, proven });
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

    #resume() {
        this.#ladder.start(performance.now());
        this.info.start(ASK_FIRST_MS);
        this.#timers = [
            setInterval(() => this.#tick(), TICK_MS),
            setInterval(() => this.#sample(), SAMPLE_MS),
        ];
        this.#tick();
    }

    #rest() {
        this.#timers.forEach(clearInterval);
        this.#timers = [];
        this.info.stop();
        this.#meta?.close();
        this.#ladder.hold();
        this.#connection.close();
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
        const canDeliver = this.info.canDeliver && !document.hidden && !this.#wantsGesture;
        this.#ladder.tick(nowMs, canDeliver, this.#budgetMs(), this.#connection.explain());
        this.#followLadder();
        this.#followMeta();
        this.#watch(nowMs);
        this.#updatePhase(nowMs);
    }

    #budgetMs() {
        const fps = this.info.info?.fps;
        return pictureBudgetMs(this.info.rttMs, fps ? 1000 / fps : null);
    }

    /* A picture that still comes says more than an answer that does not. */
    #isServerAway(nowMs) {
        return AWAY.includes(this.info.reach) && !(this.#connection.isOpen && this.#isFresh(nowMs));
    }

    #followLadder() {
        const { attempt, current } = this.#ladder;
        if (current === null || attempt !== this.#attempt) {
            this.#connection.close();
        }
        if (current !== null && attempt !== this.#attempt) {
            this.#attempt = attempt;
            this.#open(current);
        }
    }

    /* Once the server has answered. With MJPEG it would be a reason to run an H.264 encoder. */
    #followMeta() {
        if (this.transport === 'mjpeg') {
            this.#meta?.close();
        } else if (this.info.reach !== 'unknown') {
            this.#meta?.open();
        }
    }

    #open(id) {
        this.transport = id;
        this.#wantsGesture = false;
        this.#meters.renew();
        this.#liveness.renew();
        this.#connection.open(id, this.#known(), this.#handlers);
    }

    #known() {
        return {
            base: this.#base,
            clock: this.#clock,
            mode: this.mode,
            askedMode: this.#askedMode, // null: the server's default
            wantsAudio: this.info.info?.hasAudio ?? false,
            canDeliver: () => this.info.canDeliver,
            askForKeyframe: this.#askForKeyframe,
        };
    }

    #handlers = {
        onJson: (message) => message.type === 'state' && this.info.ask(),
        onPlayRefused: (error) => this.#onPlayRefused(error),
        onPicture: () => this.#onPicture(),
        onFrame: (frame) => this.#onPresented(frame),
        onSize: (width, height) => this.#meters.setSize(width, height),
        onRefresh: () => this.#open(this.#ladder.current), // no sign that anything is wrong
        onEnd: (reason) => this.#onTrouble(reason),
    };

    #onPicture() {
        const { current } = this.#ladder;
        const nowMs = performance.now();
        this.#liveness.frame(nowMs);
        this.#ladder.picture(nowMs);
        if (!this.forced) {
            this.#memory.save(current);
        }
        this.#stage.show(this.#connection.element);
        this.#sample();
        this.#updatePhase(nowMs);
    }

    #onPresented(frame) {
        this.#liveness.frame(performance.now());
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
        this.#connection.close();
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

    #isFresh(nowMs) {
        return this.#connection.countsFrames && !this.#liveness.isStale(nowMs);
    }

    /* It plays; does it still? */
    #watch(nowMs) {
        const { isPlaying } = this.#ladder;
        if (!isPlaying || !this.#connection.countsFrames || document.hidden || this.#wantsGesture) {
            return;
        }
        const { info, nextMs, deliverableSinceMs } = this.info;
        if (this.#liveness.isQuiet(nowMs, info?.fps) && nextMs - nowMs > ASK_WAITING_MS) {
            this.info.ask();
        }
        if (this.#liveness.isLost(nowMs, deliverableSinceMs, this.#budgetMs())) {
            this.#onTrouble('the picture stopped');
        }
    }

    #updatePhase(nowMs) {
        if (!this.#isActive) {
            return;
        }
        this.#setPhase(
            phaseOf({
                wantsGesture: this.#wantsGesture,
                isAway: this.#isServerAway(nowMs),
                reach: this.info.reach,
                state: this.info.info?.state,
                isFresh: this.#isFresh(nowMs),
                isPlaying: this.#ladder.isPlaying,
                hasFailed: this.#ladder.hasFailed,
                isOnLine: navigator.onLine,
            }),
        );
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
        const counters = await this.#connection.stats();
        if (counters) {
            this.#meters.addCounters(counters);
            if (
                this.#liveness.decoded(performance.now(), counters.decoded) &&
                !this.#ladder.isPlaying
            ) {
                this.#onPicture(); // out of view nothing is presented, yet all is well
            }
        }
        this.#onChange(this);
    }
}
