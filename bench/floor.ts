// The floor: the least that any peer must do. A loopback socket per process, a length before each frame, JSON, one write per
// tick; no election, no heartbeat, no failure handling. Everything that a peer costs beyond the floor pays for these features.

import net, { type Socket } from 'node:net';
import type { Member, Peer } from './peers/peer';
import { RegistryUpstream, type Registration, type RegistryValue, type ValueListener } from './registry';

type Frame =
  | readonly [type: 'call', id: number, text: string]
  | readonly [type: 'result', id: number, text: string]
  | readonly [type: 'subscribe', registration: Registration]
  | readonly [type: 'value', dataId: string, value: RegistryValue];

const HEADER_BYTES = 4;

export const floor: Peer = {
  join: ({ role, port, entries }) => {
    if (role === 'competitor') throw new Error('the floor has no election');
    return role === 'leader' ? lead(port, entries) : follow(port);
  },
};

async function lead(port: number, entries: number): Promise<Member> {
  const upstream = new RegistryUpstream(entries);
  const keys = new Map<string, { readonly subscribers: ((frame: Buffer) => void)[]; last: Buffer | undefined }>();
  const subscribe = (registration: Registration, send: (frame: Buffer) => void): void => {
    const { dataId } = registration;
    const known = keys.get(dataId);
    if (known) {
      known.subscribers.push(send);
      if (known.last) send(known.last);
      return;
    }
    const key = { subscribers: [send], last: undefined as Buffer | undefined };
    keys.set(dataId, key);
    upstream.subscribe(registration, (value) => {
      key.last = encode(['value', dataId, value]);
      for (const subscriber of key.subscribers) subscriber(key.last);
    });
  };
  const server = net.createServer({ noDelay: true }, (socket) => {
    const send = writer(socket);
    read(socket, (frame) => {
      if (frame[0] === 'subscribe') subscribe(frame[1], send);
      else if (frame[0] === 'call') void upstream.echo(frame[2]).then((text) => send(encode(['result', frame[1], text])));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return upstream;
}

async function follow(port: number): Promise<Member> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const send = writer(socket);
  const calls = new Map<number, (text: string) => void>();
  const listeners = new Map<string, ValueListener>();
  let lastId = 0;
  read(socket, (frame) => {
    if (frame[0] === 'value') listeners.get(frame[1])?.(frame[2]);
    else if (frame[0] === 'result') {
      calls.get(frame[1])?.(frame[2]);
      calls.delete(frame[1]);
    }
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    subscribe: (registration, listener) => {
      listeners.set(registration.dataId, listener);
      send(encode(['subscribe', registration]));
    },
    echo: (text) =>
      new Promise((resolve) => {
        const id = ++lastId;
        calls.set(id, resolve);
        send(encode(['call', id, text]));
      }),
  };
}

function encode(frame: Frame): Buffer {
  const text = JSON.stringify(frame);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.writeUInt32BE(length);
  bytes.write(text, HEADER_BYTES);
  return bytes;
}

function writer(socket: Socket): (frame: Buffer) => void {
  return (frame) => {
    if (!socket.writableCorked) {
      socket.cork();
      process.nextTick(() => {
        socket.uncork();
      });
    }
    socket.write(frame);
  };
}

function read(socket: Socket, onFrame: (frame: Frame) => void): void {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let wantedBytes = HEADER_BYTES;
  socket.on('data', (chunk: Buffer) => {
    rest.push(chunk);
    restBytes += chunk.length;
    if (restBytes < wantedBytes) return;
    const bytes = rest.length === 1 ? chunk : Buffer.concat(rest);
    let start = 0;
    for (;;) {
      wantedBytes = HEADER_BYTES;
      if (bytes.length - start < wantedBytes) break;
      wantedBytes += bytes.readUInt32BE(start);
      if (bytes.length - start < wantedBytes) break;
      onFrame(JSON.parse(bytes.toString('utf8', start + HEADER_BYTES, start + wantedBytes)) as Frame);
      start += wantedBytes;
    }
    rest = start === bytes.length ? [] : [bytes.subarray(start)];
    restBytes = bytes.length - start;
  });
}
