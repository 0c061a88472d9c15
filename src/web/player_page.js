/*
 * /NAME/: puts the player, its controls and its words on the page. The picture comes first: until it
 * is there, or has taken too long, the browser is not kept busy with anything else.
 */
import { Controls } from './controls.js';
import { Player } from './player.js';
import { Readout } from './readout.js';
import { Stage } from './stage.js';
import { TRANSPORTS } from './ladder.js';
import { TRANSPORT_NAMES, phaseWords } from './words.js';
import { byId, make, setText } from './dom.js';
import { exposeApi } from './api.js';
import { isInPip } from './pip.js';
import { keepAwake } from './wake_lock.js';
import { nameFromPath, readQuery, streamBase } from './paths.js';
import {
    rememberStats,
    rememberTransport,
    rememberedStats,
    rememberedTransport,
} from './settings.js';
import { watchIdle } from './idle.js';
import { watchVisibility } from './visibility.js';

const BADGES = {
    playing: 'Live',
    connecting: 'Connecting',
    starting: 'Starting',
    stalled: 'No signal',
    reconnecting: 'Reconnecting',
    offline: 'Offline',
    missing: 'Not found',
    refused: 'Refused',
    failed: 'Cannot play',
    gesture: 'Ready',
    paused: 'Paused',
    suspended: 'Resting',
};
const ANNOUNCE_AFTER_MS = 1200; // what lasts shorter than this is not worth saying
const TOAST_MS = 2200;
const READ_EVERY_MS = 500;
const DRESS_WITHIN_MS = 150; // controls and words come with the first picture, or after this

const name = nameFromPath(location.pathname);
const query = readQuery(location.search, TRANSPORTS);
const stage = new Stage(byId('stage'));

const player = new Player({
    name,
    stage,
    mode: query.mode,
    via: query.via,
    memory: { load: rememberedTransport, save: rememberTransport },
    onChange: () => onChange(),
});
const awake = keepAwake();
let controls = null; // until the page is dressed
let readout = null;

function onChange() {
    document.body.dataset.phase = player.phase;
    if (controls) {
        draw();
    } else if (player.phase === 'playing') {
        requestAnimationFrame(() => setTimeout(dress)); // the picture is painted first
    }
}

function dress() {
    if (controls) {
        return;
    }
    document.body.classList.add('is-dressed');
    readout = new Readout();
    controls = new Controls({
        player,
        stage,
        base: streamBase(name, location.origin),
        notify,
        toggleStats: () => setStats(byId('stats').hidden),
    });
    setStats(!byId('stats').hidden, false);
    byId('pill').addEventListener('click', () => setStats(byId('stats').hidden));
    byId('message-play').addEventListener('click', () => player.play());
    byId('message-retry').addEventListener('click', () => player.retry());
    setInterval(() => readout.update(player.stats()), READ_EVERY_MS);
    watchIdle(document.body);
    draw();
}

function draw() {
    document.body.classList.toggle('has-picture', stage.hasPicture);
    setText(byId('badge-text'), BADGES[player.phase] ?? '');
    drawMessage();
    controls.update();
    fitStage(player.stats());
    awake(player.phase === 'playing');
}

/* Where there is room for it (a phone held upright) the stage takes the shape of the picture. */
function fitStage({ width, height }) {
    if (width && height) {
        byId('stage').style.setProperty('--shape', `${width} / ${height}`);
    }
}

function drawMessage() {
    const { phase, report } = player;
    const { title, detail } = phaseWords({
        phase,
        name,
        transport: player.transport,
        detail: player.detail,
        retryInS: player.retryInS,
    });
    byId('message').hidden = !title;
    setText(byId('message-title'), title);
    setText(byId('message-detail'), detail);
    byId('spinner').hidden = !['connecting', 'starting', 'reconnecting', 'stalled'].includes(phase);
    byId('message-play').hidden = !['gesture', 'paused'].includes(phase);
    byId('message-retry').hidden = !['failed', 'reconnecting', 'offline'].includes(phase);
    byId('message-home').hidden = phase !== 'missing' || query.isEmbedded;
    drawReasons(phase === 'failed' ? report.filter((row) => row.reason) : []);
    announce(
        title ? `${title}. ${['reconnecting', 'failed'].includes(phase) ? '' : detail}` : 'Live',
    );
}

function drawReasons(rows) {
    const list = byId('reasons');
    const text = rows.map((row) => row.id + row.reason).join();
    list.hidden = !rows.length;
    if (list.dataset.text !== text) {
        list.dataset.text = text;
        list.replaceChildren(
            ...rows.map(({ id, reason }) =>
                make('li', {}, make('strong', {}, TRANSPORT_NAMES[id]), ` ${reason}`),
            ),
        );
    }
}

let announceTimer = null;
let announced = '';

function announce(text) {
    if (text === announced) {
        return;
    }
    announced = text;
    clearTimeout(announceTimer);
    announceTimer = setTimeout(() => setText(byId('live'), text), ANNOUNCE_AFTER_MS);
}

let toastTimer = null;

function notify(text) {
    const toast = byId('toast');
    (document.querySelector('dialog[open]') ?? byId('stage')).append(toast);
    setText(toast, text);
    toast.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => {
        toast.hidden = true;
    }, TOAST_MS);
    setText(byId('live'), text);
}

function setStats(isOpen, remember = true) {
    byId('stats').hidden = !isOpen;
    byId('toggle-stats').setAttribute('aria-pressed', String(isOpen));
    byId('toggle-stats').setAttribute('aria-expanded', String(isOpen));
    document.body.classList.toggle('has-stats', isOpen);
    if (remember) {
        rememberStats(isOpen);
    }
    readout?.update(player.stats());
}

/* What the page looks like before there is a picture. */
function layOut() {
    setText(byId('name'), name);
    document.title = `${name} · Avocet`;
    document.body.classList.toggle('is-embedded', query.isEmbedded);
    const isTall = matchMedia('(max-width: 40rem) and (orientation: portrait)').matches;
    setStats(
        (!query.isEmbedded && (query.stats ?? rememberedStats() ?? isTall)) || query.stats === true,
        false,
    );
}

function start() {
    exposeApi(player, stage);
    player.play();
    layOut();
    setTimeout(dress, DRESS_WITHIN_MS);
    watchVisibility({
        onRest: () => player.suspend(),
        onWake: () => player.wake(),
        mayRest: () => !isInPip(stage),
    });
}

start();
