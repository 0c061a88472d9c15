/*
 * The figures: the latency in the title bar and the statistics panel, from Player.stats().
 */
import { byId, setText } from './dom.js';
import {
    MODE_NAMES,
    TRANSPORT_NAMES,
    showBitrate,
    showCount,
    showMs,
    showPercent,
    showRate,
    showSize,
} from './words.js';

const HISTORY = 120; // points, two a second
const LEAST_SCALE_MS = 50;
const PARTS = ['server', 'network', 'player'];

export class Readout {
    #history = [];
    #graph = byId('graph');

    update(stats) {
        const { latency } = stats;
        this.#showPill(stats);
        this.#history = [...this.#history, latency].slice(-HISTORY);
        if (byId('stats').hidden) {
            return;
        }
        this.#showLatency(latency);
        this.#showFacts(stats);
        this.#drawGraph();
    }

    #showPill({ phase, latency }) {
        const isKnown = phase === 'playing' && latency.medianMs !== null;
        const about = latency.isEstimate ? '~' : '';
        setText(byId('latency'), isKnown ? `${about}${showMs(latency.medianMs)}` : '– ms');
        byId('pill').dataset.grade = !isKnown
            ? 'unknown'
            : latency.medianMs < 150
              ? 'good'
              : latency.medianMs < 500
                ? 'fair'
                : 'poor';
    }

    #showLatency(latency) {
        const about = latency.isEstimate ? '~ ' : '';
        setText(
            byId('median'),
            latency.medianMs === null ? '–' : `${about}${Math.round(latency.medianMs)}`,
        );
        setText(byId('worst'), showMs(latency.worstMs));
        const known = PARTS.map((part) => latency[`${part}Ms`] ?? 0);
        const total = known.reduce((sum, ms) => sum + ms, 0);
        PARTS.forEach((part, i) => {
            byId(`${part}-share`).style.flexGrow = total > 0 ? String(known[i] / total) : '0';
            setText(byId(`${part}-ms`), showMs(latency[`${part}Ms`]));
        });
    }

    #showFacts(stats) {
        const facts = {
            transport: TRANSPORT_NAMES[stats.transport] ?? '–',
            reason: stats.transport ? stats.reason : '',
            size: showSize(stats.width, stats.height),
            fps: showRate(stats.fps),
            bitrate: showBitrate(stats.bitrateBps),
            loss: showPercent(stats.loss),
            dropped: showCount(stats.dropped),
            'mode-name': MODE_NAMES[stats.mode] ?? '–',
            viewers: showCount(stats.viewers),
        };
        for (const [id, text] of Object.entries(facts)) {
            setText(byId(`fact-${id}`), text);
        }
    }

    /* The last minute: worst as an area, median as a line. */
    #drawGraph() {
        const { clientWidth: width, clientHeight: height } = this.#graph;
        const ratio = devicePixelRatio || 1;
        Object.assign(this.#graph, { width: width * ratio, height: height * ratio });
        const context = this.#graph.getContext('2d');
        const style = getComputedStyle(this.#graph);
        const top =
            Math.max(
                LEAST_SCALE_MS,
                ...this.#history.map((point) => point.worstMs ?? point.medianMs ?? 0),
            ) * 1.1;
        const x = (i) => width * (1 - (this.#history.length - 1 - i) / (HISTORY - 1));
        const y = (ms) => height - (ms / top) * (height - 1);
        context.scale(ratio, ratio);
        context.fillStyle = context.strokeStyle = style.color;
        context.globalAlpha = 0.25;
        this.#history.forEach((point, i) => {
            if (point.worstMs !== null) {
                context.fillRect(
                    x(i) - width / HISTORY,
                    y(point.worstMs),
                    width / HISTORY + 0.5,
                    height,
                );
            }
        });
        context.globalAlpha = 1;
        context.lineWidth = 1.6;
        context.beginPath();
        let isDown = false;
        this.#history.forEach((point, i) => {
            if (point.medianMs === null) {
                isDown = false;
            } else {
                context[isDown ? 'lineTo' : 'moveTo'](x(i), y(point.medianMs));
                isDown = true;
            }
        });
        context.stroke();
        setText(byId('graph-top'), showMs(top));
    }
}
