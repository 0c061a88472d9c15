/*
 * WebRTC by WHEP. The server is on one public address and answers whoever asks, so the offer goes
 * out at once, without candidates, and nothing but this server is needed: no STUN, no trickle.
 */
import { watchFrames } from './presented.js';
import { withQuery } from './paths.js';

const CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
const CHECKING_WITHIN_MS = 300;

export const webrtc = {
    id: 'webrtc',
    check() {
        if (!globalThis.RTCPeerConnection) {
            return 'this browser has no WebRTC';
        }
        const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
        const hasH264 = !codecs || codecs.some((codec) => /h264/i.test(codec.mimeType));
        return hasH264 ? '' : 'this browser has no H.264 in WebRTC';
    },
    open: (env) => new WebrtcSession(env),
};

function preferH264(transceiver) {
    const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
    if (codecs && transceiver.setCodecPreferences) {
        const isH264 = (codec) => /h264/i.test(codec.mimeType);
        const isHelper = (codec) => /rtx/i.test(codec.mimeType);
        transceiver.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter(isHelper)]);
    }
}

function askForCaptureTime(transceiver) {
    const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
    const found = extensions?.find((extension) => extension.uri === CAPTURE_TIME);
    if (found) {
        found.direction = 'sendrecv';
        transceiver.setHeaderExtensionsToNegotiate(extensions);
    }
}

class WebrtcSession {
    #env;
    #peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    #resource = null;
    #stopWatching = null;
    #isOver = false;
    #hasPicture = false;
    #gotTrack = false;
    #receiver = null;
    #checkTimer = null;

    constructor(env) {
        this.#env = env;
        this.element = env.stage.video;
        this.#start().catch((error) => this.#end(error.message));
    }

    async #start() {
        const peer = this.#peer;
        const transceiver = peer.addTransceiver('video', { direction: 'recvonly' });
        if (this.#env.wantsAudio) {
            peer.addTransceiver('audio', { direction: 'recvonly' });
        }
        preferH264(transceiver);
        askForCaptureTime(transceiver);
        this.#receiver = transceiver.receiver;
        if (this.#env.mode === 'drive' && 'jitterBufferTarget' in this.#receiver) {
            this.#receiver.jitterBufferTarget = 0;
        }
        peer.ontrack = ({ track }) => this.#onTrack(track);
        peer.onconnectionstatechange = () => this.#onState();
        await peer.setLocalDescription(await peer.createOffer());
        const answer = await this.#post(peer.localDescription.sdp);
        if (!this.#isOver) {
            await peer.setRemoteDescription({ type: 'answer', sdp: answer });
            this.#checkTimer = setTimeout(() => this.#checkPaths(), CHECKING_WITHIN_MS);
        }
    }

    /* A browser that sees no way at all (Firefox to a server on loopback) does not even begin. */
    #checkPaths() {
        const { iceConnectionState, iceGatheringState } = this.#peer;
        if (iceConnectionState === 'new' && iceGatheringState === 'complete') {
            this.#end('this browser sees no network path to the server');
        }
    }

    async #post(sdp) {
        const url = withQuery(this.#env.base, 'whep', { mode: this.#env.askedMode });
        const answer = await fetch(url, {
            method: 'POST',
            headers: { 'Content-Type': 'application/sdp' },
            body: sdp,
        });
        const text = await answer.text();
        if (!answer.ok) {
            throw new Error(refusal(answer.status, text));
        }
        const location = answer.headers.get('Location');
        this.#resource = location && new URL(location, url);
        if (this.#isOver) {
            this.#delete();
        }
        return text;
    }

    #onTrack(track) {
        const video = this.element;
        if (!this.#gotTrack) {
            this.#gotTrack = true;
            video.srcObject = new MediaStream();
            this.#stopWatching = watchFrames(video, (frame) => this.#onFrame(frame));
        }
        video.srcObject.addTrack(track);
        video.play().catch((error) => this.#env.onPlayRefused(error));
    }

    #onFrame(frame) {
        if (this.#isOver) {
            return;
        }
        if (!this.#hasPicture) {
            this.#hasPicture = true;
            this.#env.onPicture();
        }
        this.#env.onFrame(frame);
    }

    #onState() {
        const state = this.#peer.connectionState;
        if (state === 'failed') {
            this.#end(
                this.#hasPicture ? 'the connection broke' : 'no UDP connection to the server',
            );
        } else if (state === 'closed') {
            this.#end('the server closed the connection');
        }
    }

    #end(reason) {
        if (!this.#isOver) {
            this.#env.onEnd(reason); // who opened it closes it
        }
    }

    /* What the browser knows about why there is no picture yet; null: nothing. */
    explain() {
        const peer = this.#peer;
        if (!this.#resource && !peer.remoteDescription) {
            return 'no answer to the offer';
        }
        if (['new', 'checking', 'disconnected', 'failed'].includes(peer.iceConnectionState)) {
            return 'no UDP gets through to the server';
        }
        if (peer.connectionState !== 'connected') {
            return 'the encrypted connection is not up';
        }
        return this.#seen.bytes > 0
            ? 'data comes, but this browser cannot decode it'
            : 'connected, but no data comes';
    }

    #seen = { bytes: 0 };

    async stats() {
        const report = await this.#receiver?.getStats();
        for (const row of report?.values() ?? []) {
            if (row.type === 'inbound-rtp' && row.kind === 'video') {
                this.#seen = {
                    bytes: row.bytesReceived ?? 0,
                    packets: row.packetsReceived ?? 0,
                    lost: Math.max(0, row.packetsLost ?? 0),
                    dropped: row.framesDropped ?? null,
                    decoded: row.framesDecoded ?? 0,
                };
            }
        }
        return this.#seen;
    }

    close() {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        this.#stopWatching?.();
        clearTimeout(this.#checkTimer);
        this.#peer.ontrack = this.#peer.onconnectionstatechange = null;
        this.#peer.close();
        if (this.#gotTrack) {
            this.element.srcObject = null;
        }
        this.#delete();
    }

    #delete() {
        if (this.#resource) {
            fetch(this.#resource, { method: 'DELETE', keepalive: true }).catch(() => {});
            this.#resource = null;
        }
    }
}

/* The server's own sentence, where it has one. */
function refusal(status, text) {
    if (status === 404 || status === 405) {
        return 'the server has no WebRTC';
    }
    try {
        return JSON.parse(text).error ?? `the server says ${status}`;
    } catch {
        return `the server says ${status}`;
    }
}
