/*
 * The one session that is open. Once it is closed, nothing that it still says is heard; its last
 * picture stays on the stage.
 */
import { OPENERS } from './openers.js';

export class Connection {
    #stage;
    #session = null;
    #env = null; // of #session

    constructor(stage) {
        this.#stage = stage;
    }

    /*
     * known: what a session needs to know; handlers: on…() functions, called only while it is the
     * open one. onEnd(reason), which ends it, comes after whatever made it end has returned.
     */
    open(id, known, handlers) {
        this.close();
        const env = { ...known, stage: this.#stage };
        const isCurrent = () => env === this.#env;
        for (const [name, handler] of Object.entries(handlers)) {
            env[name] = (...args) => isCurrent() && handler(...args);
        }
        env.onEnd = (reason) => queueMicrotask(() => isCurrent() && handlers.onEnd(reason));
        this.#env = env;
        try {
            this.#session = OPENERS[id].open(env);
        } catch (error) {
            env.onEnd(error.message);
        }
    }

    close() {
        this.#env = null;
        if (this.#session) {
            this.#stage.hold();
            this.#session.close();
            this.#session = null;
        }
    }

    get isOpen() {
        return this.#session !== null;
    }

    /* An img shows frames, but tells nobody. */
    get countsFrames() {
        return this.#session?.countsFrames !== false;
    }

    get element() {
        return this.#session?.element ?? null;
    }

    /* Why there is no picture yet, or null. */
    explain() {
        return this.#session?.explain() ?? null;
    }

    /* The session's counters, or null if there is none (any more). */
    async stats() {
        const session = this.#session;
        const counters = await session?.stats();
        return session && session === this.#session ? counters : null;
    }
}
