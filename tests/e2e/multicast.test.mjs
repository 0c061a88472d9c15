/* Multicast from one host to another, and how it is announced: in network namespaces. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, describe, test } from 'node:test';

import { root, startAvocet, until } from '../lab/avocet.mjs';
import { tsGaps } from '../lab/datagrams.mjs';
import { Net, whyNoLinks } from '../lab/links.mjs';

const skip = whyNoLinks();
const SAP_V4 = '239.255.255.255';
const folder = mkdtempSync(path.join(tmpdir(), 'avocet-multicast-'));

/* A member of a group on another host: the datagrams as they come. */
class Member {
    static async join(host, group, port, address) {
        const member = new Member();
        member.datagrams = [];
        member.child = host.spawn(process.execPath, [path.join(root, 'tests/lab/hear.mjs'), group, port, address],
            { stdio: ['ignore', 'pipe', 'inherit'] });
        readline.createInterface({ input: member.child.stdout }).on('line', (line) => {
            line === 'ready' ? (member.isReady = true) : member.datagrams.push(Buffer.from(line, 'hex'));
        });
        await until(() => member.isReady, `${group} is joined`, { ms: 10000 });
        return member;
    }

    comes(condition, what) {
        return until(() => condition(this.datagrams), what, { ms: 15000 });
    }

    leave() {
        this.child.kill();
    }
}

describe('multicast', { skip }, () => {
    let net;
    let sender;
    let link;

    before(async () => {
        net = await Net.create();
        [sender, net.receiver] = [await net.host('send'), await net.host('hear')];
        link = await net.good(sender, net.receiver);
    });

    after(async () => {
        await net.close();
        rmSync(folder, { recursive: true });
    });

    async function serve(...outputs) {
        const file = path.join(folder, 'avocet.yaml');
        const source = 'test:?size=360p&keyframe=500ms';
        writeFileSync(file, `streams:\n  cam: {source: "${source}", outputs: ${JSON.stringify(outputs)}}\n`);
        return startAvocet(['--config', file], { prefix: sender.prefix });
    }

    test('MPEG-TS, IPv4 and IPv6, arrives whole', async () => {
        const four = await Member.join(net.receiver, '239.255.1.1', 5000, link.v4[1]);
        const six = await Member.join(net.receiver, 'ff15::7', 5002, '::%down1');
        const avocet = await serve('udp://239.255.1.1:5000?interface=up1', 'udp://[ff15::7]:5002?interface=up1');
        for (const member of [four, six]) {
            await member.comes((seen) => seen.length > 100, 'MPEG-TS comes');
            assert.equal(tsGaps(Buffer.concat(member.datagrams)), 0);
        }
        await avocet.stop();
        [four, six].forEach((member) => member.leave());
    });

    test('SAP announces it, and says when it is over', async () => {
        const sap = await Member.join(net.receiver, SAP_V4, 9875, link.v4[1]);
        const avocet = await serve('rtp://239.255.1.2:5000?interface=up1', 'udp://239.255.1.3:5000?interface=up1',
            'rtp://239.255.1.4:5000?interface=up1&sap=off', `rtp://${link.v4[1]}:5000`);
        const texts = (isDeletion) => sap.datagrams.filter((bytes) => bytes[0] === (isDeletion ? 0x24 : 0x20))
            .map((bytes) => bytes.subarray(8).toString('latin1'));
        const has = (text, isDeletion) => texts(isDeletion).some((announced) => announced.includes(text));
        await sap.comes(() => has('c=IN IP4 239.255.1.2/1\r\n') && has('c=IN IP4 239.255.1.3/1\r\n'), 'both are announced');
        assert.ok(sap.datagrams.every((bytes) => bytes.subarray(4, 8).join('.') === link.v4[0]));
        assert.ok(texts().every((text) => text.startsWith('application/sdp\0v=0\r\n')));
        assert.ok(has('m=video 5000 RTP/AVP 96\r\n') && has('m=video 5000 udp 33\r\n'));
        assert.ok(!has('239.255.1.4'), 'sap=off');
        assert.ok(!has(`c=IN IP4 ${link.v4[1]}`), 'unicast is nobody else\'s affair');
        await avocet.stop();
        await sap.comes(() => has('239.255.1.2', true) && has('239.255.1.3', true), 'both are taken back');
        sap.leave();
    });
});
