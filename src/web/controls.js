/*
 * Buttons, menus and keys of the player page. Each action is one row: key, words, what it does; the
 * help overlay is written from the same rows.
 */
import { attachMenu } from './menu.js';
import { byId, icon, make, setIcon, setText } from './dom.js';
import { canPip, isInPip, togglePip } from './pip.js';
import { copyText } from './clipboard.js';
import { fillLinks } from './links.js';
import { isFullscreen, toggleFullscreen } from './fullscreen.js';
import { MODES } from './paths.js';
import { MODE_NAMES, TRANSPORT_NAMES } from './words.js';

const MODE_DETAILS = {
    drive: 'least delay',
    watch: 'some patience for the network',
    smooth: 'late, but steady',
};
const STATES = {
    playing: 'playing',
    trying: 'being tried',
    failed: 'failed',
    unusable: '',
    untried: '',
};

export class Controls {
    #player;
    #stage;
    #base;
    #notify;
    #toggleStats;
    #menus;

    /* notify(text): a short note on screen and for screen readers. */
    constructor({ player, stage, base, notify, toggleStats }) {
        this.#player = player;
        this.#stage = stage;
        this.#base = base;
        this.#notify = notify;
        this.#toggleStats = toggleStats;
        this.#menus = { transport: this.#transportMenu(), mode: this.#modeMenu() };
        this.#addButtons();
        this.#addKeys();
        document
            .querySelectorAll('dialog .close')
            .forEach((button) => button.append(icon('close')));
        closeOnBackdrop();
    }

    /* [id of the button or null, icon, key as shown, words, action] */
    #actions() {
        return [
            ['play', 'pause', 'Space', 'Play or pause', () => this.#togglePlay()],
            ['mute', 'muted', 'M', 'Sound on or off', () => this.#toggleMute()],
            ['fullscreen', 'enlarge', 'F', 'Full screen', () => toggleFullscreen(this.#stage)],
            ['snapshot', 'snapshot', 'S', 'Save a snapshot', () => this.#saveSnapshot()],
            ['pip', 'pip', 'P', 'Picture in picture', () => this.#togglePip()],
            ['toggle-stats', 'stats', 'I', 'Statistics', () => this.#toggleStats()],
            [null, null, 'T', 'Choose the transport', () => this.#menus.transport.open()],
            [null, null, 'D', 'Choose the mode', () => this.#menus.mode.open()],
            [null, null, 'C', 'Copy the link to this page', () => this.#copyLink()],
            ['links', 'link', 'L', 'All links', () => this.#showLinks()],
            [null, null, 'G', 'All streams', () => location.assign('/')],
            ['help', 'help', '?', 'Keyboard and help', () => toggleDialog('help-dialog')],
        ];
    }

    #addButtons() {
        for (const [id, iconName, key, words, run] of this.#actions().filter(([id]) => id)) {
            const button = byId(id);
            button.append(icon(iconName));
            button.title = `${words} (${key})`;
            button.setAttribute('aria-label', words);
            button.setAttribute('aria-keyshortcuts', key);
            button.addEventListener('click', run);
        }
        document.addEventListener('fullscreenchange', () => this.update());
        document.addEventListener('webkitfullscreenchange', () => this.update());
        this.#stage.container.addEventListener('dblclick', ({ target }) => {
            if (!target.closest('.message')) {
                toggleFullscreen(this.#stage);
            }
        });
    }

    #addKeys() {
        const actions = this.#actions();
        byId('keys').append(
            ...actions.map(([, , key, words]) =>
                make('div', {}, make('dt', {}, make('kbd', {}, key)), make('dd', {}, words)),
            ),
        );
        const byKey = new Map(
            actions.map(([, , key, , run]) => [key === 'Space' ? ' ' : key.toLowerCase(), run]),
        );
        byKey.set('k', byKey.get(' '));
        document.addEventListener('keydown', (event) => {
            const { target, key } = event;
            const isTaken =
                event.ctrlKey ||
                event.metaKey ||
                event.altKey ||
                target.closest('input, textarea, [role=menu]') ||
                (key === ' ' && target.closest('button, a'));
            const run = byKey.get(key.toLowerCase());
            const isCovered = document.querySelector('dialog[open]') && key !== '?';
            if (run && !isTaken && !isCovered && !event.repeat) {
                event.preventDefault();
                run();
            }
        });
    }

    /* Shows what is so now. */
    update() {
        const player = this.#player;
        const { video } = this.#stage;
        const isPaused = player.isPaused || player.phase === 'gesture';
        setIcon(byId('play'), isPaused ? 'play' : 'pause');
        byId('play').setAttribute('aria-label', isPaused ? 'Play' : 'Pause');
        byId('mute').hidden = !hasAudio(video);
        setIcon(byId('mute'), video.muted ? 'muted' : 'sound');
        byId('mute').setAttribute('aria-pressed', String(video.muted));
        setIcon(byId('fullscreen'), isFullscreen() ? 'reduce' : 'enlarge');
        byId('fullscreen').setAttribute('aria-pressed', String(isFullscreen()));
        byId('pip').hidden = !canPip(this.#stage) && !isInPip(this.#stage);
        byId('snapshot').disabled = !this.#stage.hasPicture;
        const via = TRANSPORT_NAMES[player.transport] ?? 'Automatic';
        setText(byId('transport-label'), player.forced ? TRANSPORT_NAMES[player.forced] : via);
        byId('transport').setAttribute(
            'aria-label',
            `Transport: ${via}, ${player.forced ? 'chosen by hand' : 'automatic'}`,
        );
        setText(byId('mode-label'), MODE_NAMES[player.mode] ?? '–');
        byId('mode').setAttribute('aria-label', `Mode: ${MODE_NAMES[player.mode]}`);
    }

    #transportMenu() {
        return attachMenu(byId('transport'), {
            label: 'Transport',
            items: () => {
                const { forced, report } = this.#player;
                const automatic = {
                    id: null,
                    label: 'Automatic',
                    detail: 'the best that works',
                    isChecked: !forced,
                };
                return [
                    automatic,
                    ...report.map(({ id, state, reason }) => ({
                        id,
                        label: TRANSPORT_NAMES[id],
                        detail: reason || STATES[state],
                        isChecked: forced === id,
                        isDisabled: state === 'unusable',
                    })),
                ];
            },
            onPick: (id) => {
                this.#player.use(id);
                this.#notify(id ? `Transport: ${TRANSPORT_NAMES[id]}` : 'Transport: automatic');
            },
        });
    }

    #modeMenu() {
        return attachMenu(byId('mode'), {
            label: 'Mode',
            items: () =>
                MODES.map((id) => ({
                    id,
                    label: MODE_NAMES[id],
                    detail: MODE_DETAILS[id],
                    isChecked: this.#player.mode === id,
                })),
            onPick: (id) => {
                this.#player.setMode(id);
                this.#notify(`Mode: ${MODE_NAMES[id]}`);
            },
        });
    }

    #togglePlay() {
        if (this.#player.isPaused || this.#player.phase === 'gesture') {
            this.#player.play();
        } else {
            this.#player.pause();
        }
        this.update();
    }

    #toggleMute() {
        const { video } = this.#stage;
        if (hasAudio(video)) {
            video.muted = !video.muted;
            this.#notify(video.muted ? 'Sound off' : 'Sound on');
            this.update();
        }
    }

    async #togglePip() {
        try {
            if (canPip(this.#stage) || isInPip(this.#stage)) {
                await togglePip(this.#stage);
            } else {
                this.#notify('No picture in picture with this transport');
            }
        } catch (error) {
            this.#notify(`No picture in picture: ${error.message}`);
        }
    }

    async #saveSnapshot() {
        const blob = (await this.#stage.snapshot()) ?? (await this.#fetchSnapshot());
        if (!blob) {
            this.#notify('There is no picture to save');
            return;
        }
        const now = new Date();
        const local = new Date(now - now.getTimezoneOffset() * 60000).toISOString();
        const stamp = local.slice(0, 19).replace(/[:T]/g, '-');
        const name = `${this.#player.name.replaceAll('/', '_')}-${stamp}.jpg`;
        const href = URL.createObjectURL(blob);
        make('a', { href, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(href), 60000);
        this.#notify(`Saved ${name}`);
    }

    async #fetchSnapshot() {
        const answer = await fetch(new URL('snapshot.jpg', this.#base), {
            cache: 'no-store',
        }).catch(() => null);
        return answer?.ok ? answer.blob() : null;
    }

    async #copyLink() {
        const isCopied = await copyText(new URL(this.#base).href);
        this.#notify(isCopied ? 'Link copied' : 'This browser does not let the page copy');
    }

    #showLinks() {
        fillLinks(this.#base, (isCopied) =>
            this.#notify(isCopied ? 'Copied' : 'This browser does not let the page copy'),
        );
        toggleDialog('links-dialog');
    }
}

function toggleDialog(id) {
    const dialog = byId(id);
    if (dialog.open) {
        dialog.close();
    } else {
        dialog.showModal();
    }
}

function closeOnBackdrop() {
    for (const dialog of document.querySelectorAll('dialog')) {
        dialog.addEventListener('click', (event) => {
            const box = dialog.getBoundingClientRect();
            const isInside =
                event.clientX >= box.left &&
                event.clientX <= box.right &&
                event.clientY >= box.top &&
                event.clientY <= box.bottom;
            if (event.target === dialog && !isInside) {
                dialog.close();
            }
        });
    }
}

const hasAudio = (video) =>
    Boolean(
        video.srcObject?.getAudioTracks().length ||
        video.audioTracks?.length ||
        video.mozHasAudio ||
        video.webkitAudioDecodedByteCount,
    );
