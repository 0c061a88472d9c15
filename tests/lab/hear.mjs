/*
 * hear.mjs GROUP PORT ADDRESS: joins a multicast group by the interface of that address ("::%eth0"
 * with IPv6) and prints each datagram as a line of hexadecimal digits. First "ready".
 */
import dgram from 'node:dgram';

const [group, port, address] = process.argv.slice(2);
const socket = dgram.createSocket({ type: group.includes(':') ? 'udp6' : 'udp4', reuseAddr: true,
    recvBufferSize: 4 << 20 });
socket.on('message', (bytes) => process.stdout.write(bytes.toString('hex') + '\n'));
socket.bind(Number(port), () => {
    socket.addMembership(group, address);
    process.stdout.write('ready\n');
});
