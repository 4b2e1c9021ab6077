import type { Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v1Codec } from '../../protocol/v1';
import { readMessages, readVectors } from './vectors';

const { good, malformed } = readVectors();

describe('golden bytes of wire version 1', () => {
  test.each(good)('$from: "$name" is read as its message', ({ bytes, message }) => {
    expect(v1Codec.decode(bytes)).toEqual(message);
  });

  test.each(good)('$from: "$name" is written byte for byte', ({ bytes, message }) => {
    expect(v1Codec.encode(message).toString('hex')).toBe(bytes.toString('hex'));
  });

  const everyType: Record<Exclude<Message['type'], 'unknown'>, true> = {
    register: true,
    'register-result': true,
    subscribe: true,
    unsubscribe: true,
    event: true,
    'event-ack': true,
    call: true,
    'call-result': true,
    'call-failure': true,
    ping: true,
    pong: true,
  };
  test.each(Object.keys(everyType))('there are bytes of cluster-client for %s', (type) => {
    expect(good.filter(({ from, message }) => from === 'cluster-client' && message.type === type)).not.toHaveLength(0);
  });
});

describe('bytes that are not a frame', () => {
  test.each(malformed)('"$name" is refused: $error', ({ bytes, error }) => {
    const read = (): void => {
      // Bytes that the reader takes for the start of a longer frame are decoded as if complete.
      if (readMessages([bytes]).length === 0) v1Codec.decode(bytes);
    };
    expect(read).toThrow(ProtocolError);
    expect(read).toThrow(error);
  });

  test.each(malformed)('"$name" is refused by the codec alone', ({ bytes }) => {
    expect(() => v1Codec.decode(bytes)).toThrow(ProtocolError);
  });

  test('a frame with a byte too many is refused', () => {
    for (const { bytes } of good) {
      expect(() => v1Codec.decode(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow('wrong frame length');
    }
  });

  test('the error holds the first bytes that were heard, printable', () => {
    let error: unknown;
    try {
      readMessages([Buffer.from(`GET /caf\u00e9 HTTP/1.1\r\n${'x'.repeat(100)}`)]);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as ProtocolError).heard).toBe(`"GET /caf\\xc3\\xa9 HTTP/1.1\\x0d\\x0a${'x'.repeat(27)}…"`);
  });
});

describe('what a newer peer may send', () => {
  const frame = (connection: unknown, application = Buffer.alloc(0)): Buffer => {
    const json = Buffer.from(JSON.stringify(connection));
    const header = Buffer.from('01000000000000000000000700000bb80000000000000000', 'hex');
    header.writeInt32BE(json.length, 16);
    header.writeInt32BE(application.length, 20);
    return Buffer.concat([header, json, application]);
  };
  const envelope = { id: 7, timeoutMs: 3000 };

  test.each<[string, Buffer, Message]>([
    [
      'an unknown type is given its name and skipped by the caller',
      frame({ type: 'new', x: 1 }, Buffer.from('y')),
      { type: 'unknown', name: 'new', ...envelope },
    ],
    [
      'a type called like a method of objects is unknown',
      frame({ type: 'toString' }),
      { type: 'unknown', name: 'toString', ...envelope },
    ],
    ['an unknown field is ignored', frame({ type: 'heartbeat', load: 0.5 }), { type: 'ping', ...envelope }],
    [
      'an unknown style counts as none',
      frame({ type: 'invoke', method: 'm', argLength: 0, oneway: false, style: 'stream' }),
      { type: 'call', method: 'm', args: [], oneway: false, ...envelope },
    ],
    [
      'oneway and replay are true only as true',
      frame({ type: 'invoke', method: 'm', argLength: 0, oneway: 1, replay: 'true' }),
      { type: 'call', method: 'm', args: [], oneway: false, ...envelope },
    ],
    [
      'a result is a success only when it says so',
      frame({ type: 'invoke_result', success: 'true' }, Buffer.from('e')),
      { type: 'call-failure', payload: Buffer.from('e'), ...envelope },
    ],
    ...[1, null, 'hello', [], {}, { versions: 1 }].map((hello): [string, Buffer, Message] => [
      `the hello ${JSON.stringify(hello)} counts as none`,
      frame({ type: 'register_channel', channelName: 'c', hello }),
      { type: 'register', channel: 'c', ...envelope },
    ]),
    [
      'of a hello only what is known is taken',
      frame({ type: 'register_channel_res', hello: { versions: [1, 'x', null, 2], load: 0.5 } }),
      { type: 'register-result', payload: Buffer.alloc(0), hello: { versions: [1, 2] }, ...envelope },
    ],
  ])('%s', (_name, bytes, message) => {
    expect(v1Codec.decode(bytes)).toEqual(message);
  });

  test('reserved bytes are not looked at', () => {
    const bytes = frame({ type: 'heartbeat' });
    bytes.writeUInt16BE(0xffff, 2);
    expect(v1Codec.decode(bytes)).toEqual({ type: 'ping', ...envelope });
  });
});

describe('what is never written', () => {
  test('a message of unknown type', () => {
    expect(() => v1Codec.encode({ type: 'unknown', name: 'new', id: 1, timeoutMs: 0 })).toThrow('unknown type new');
  });

  test('fields that were not set: a legacy peer sees nothing new', () => {
    const call: Message = {
      type: 'call',
      id: 1,
      timeoutMs: 0,
      method: 'm',
      args: [],
      oneway: true,
      style: undefined,
      replay: false,
    };
    expect(v1Codec.encode(call).subarray(24).toString()).toBe('{"type":"invoke","method":"m","argLength":0,"oneway":true}');
  });
});
