// Wire version 1: what cluster-client 3.x speaks. A frame is a 24-byte header, a JSON object that says what the
// frame is, and application bytes. The numbers are in README.md beside this file; golden bytes in vectors/v1.json.

import type { Framing } from './frame';
import { readHello, writeHello } from './hello';
import type { CallStyle, Codec, Message } from './message';
import { ProtocolError } from './protocol-error';

const VERSION = 1;
const HEADER_BYTES = 24;
const REQUEST = 0;
const RESPONSE = 1;

const OFFSET = { version: 0, kind: 1, id: 4, timeout: 12, connectionLength: 16, applicationLength: 20 } as const;

export const v1Framing: Framing = {
  headerBytes: HEADER_BYTES,
  mayStartWith: (firstByte) => firstByte === VERSION,
  bodyBytes(bytes, at) {
    const connectionLength = bytes.readInt32BE(at + OFFSET.connectionLength);
    const applicationLength = bytes.readInt32BE(at + OFFSET.applicationLength);
    if (connectionLength < 0 || applicationLength < 0) throw new ProtocolError('negative length', bytes.subarray(at));
    return connectionLength + applicationLength;
  },
};

/** The part of a frame that is JSON. `type` decides which of the other fields are there. */
interface ConnectionObject {
  type: string;
  channelName?: unknown;
  hello?: unknown;
  key?: unknown;
  reg?: unknown;
  method?: unknown;
  argLength?: unknown;
  oneway?: unknown;
  style?: unknown;
  replay?: unknown;
  success?: unknown;
  resultLength?: unknown;
}

export const v1Codec: Codec = {
  version: VERSION,

  encode(message) {
    const { kind, connection, application = NOTHING } = describe(message);
    const write = OPENING.has(message.type) ? writeOpening : writeFrame;
    return write(kind, message, JSON.stringify(connection), application);
  },

  decode(frame) {
    if (frame.length < HEADER_BYTES) throw new ProtocolError('frame shorter than its header', frame);
    if (frame[OFFSET.version] !== VERSION) throw new ProtocolError(`version ${frame[OFFSET.version]}`, frame);
    const kind = frame[OFFSET.kind];
    if (kind !== REQUEST && kind !== RESPONSE) throw new ProtocolError(`frame kind ${kind}`, frame);
    const id = frame.readInt32BE(OFFSET.id) * 2 ** 32 + frame.readUInt32BE(OFFSET.id + 4);
    if (!Number.isSafeInteger(id)) throw new ProtocolError('id out of range', frame);
    const connectionEnd = HEADER_BYTES + frame.readInt32BE(OFFSET.connectionLength);
    if (frame.length !== HEADER_BYTES + v1Framing.bodyBytes(frame, 0)) throw new ProtocolError('wrong frame length', frame);
    const connection = parseConnectionObject(frame.subarray(HEADER_BYTES, connectionEnd));
    const envelope = { id, timeoutMs: frame.readInt32BE(OFFSET.timeout) };
    return read(connection, envelope, frame.subarray(connectionEnd));
  },
};

/** The messages with which every connection begins, also between two processes that go on in version 2. */
const OPENING: ReadonlySet<Message['type']> = new Set<Message['type']>(['register', 'register-result', 'ping', 'pong']);

/** Writes a frame without a package: loading the package `byte` would cost every process 4 ms of CPU time at the start. */
function writeOpening(kind: number, { id, timeoutMs }: Message, connection: string, application: Buffer): Buffer {
  const connectionBytes = Buffer.byteLength(connection);
  const out = Buffer.alloc(HEADER_BYTES + connectionBytes + application.length);
  out[OFFSET.version] = VERSION;
  out[OFFSET.kind] = kind;
  const high = Math.floor(id / 2 ** 32);
  out.writeInt32BE(high, OFFSET.id);
  out.writeUInt32BE(id - high * 2 ** 32, OFFSET.id + 4);
  out.writeInt32BE(timeoutMs, OFFSET.timeout);
  out.writeInt32BE(connectionBytes, OFFSET.connectionLength);
  out.writeInt32BE(application.length, OFFSET.applicationLength);
  out.write(connection, HEADER_BYTES);
  out.set(application, HEADER_BYTES + connectionBytes);
  return out;
}

/** Writes any frame. Only a process that serves or follows cluster-client 3.x calls this function, which loads `byte`. */
function writeFrame(kind: number, { id, timeoutMs }: Message, text: string, application: Buffer): Buffer {
  const ByteBuffer = require('byte') as typeof import('byte');
  const connection = Buffer.from(text);
  const out = ByteBuffer.allocate(HEADER_BYTES + connection.length + application.length);
  out.put(VERSION).put(kind).put(0).put(0);
  out.putLong(id).putInt(timeoutMs).putInt(connection.length).putInt(application.length);
  out.put(connection);
  out.put(application);
  return out.array();
}

const NOTHING = Buffer.alloc(0);

interface Description {
  kind: typeof REQUEST | typeof RESPONSE;
  connection: ConnectionObject;
  application?: Buffer | undefined;
}

function describe(message: Message): Description {
  switch (message.type) {
    case 'register': {
      const { channel: channelName, hello } = message;
      return { kind: REQUEST, connection: { type: 'register_channel', channelName, ...(hello && { hello: writeHello(hello) }) } };
    }
    case 'register-result': {
      const { hello, payload } = message;
      return {
        kind: RESPONSE,
        connection: { type: 'register_channel_res', ...(hello && { hello: writeHello(hello) }) },
        application: payload,
      };
    }
    case 'subscribe': {
      const { key, registration: reg, payload } = message;
      return { kind: REQUEST, connection: { type: 'subscribe', key, reg }, application: payload };
    }
    case 'unsubscribe': {
      const { key, registration: reg } = message;
      return { kind: REQUEST, connection: { type: 'unSubscribe', key, reg } };
    }
    case 'event':
      return { kind: REQUEST, connection: { type: 'subscribe_result', key: message.key }, application: message.payload };
    case 'event-ack':
      return { kind: RESPONSE, connection: { type: 'subscribe_result_res' } };
    case 'call': {
      const { method, args, oneway, style, replay } = message;
      const connection = {
        type: 'invoke',
        method,
        argLength: args.length,
        oneway,
        ...(style && { style }),
        ...(replay && { replay }),
      };
      return { kind: REQUEST, connection, application: joinList(args) };
    }
    case 'call-result': {
      const [only] = message.values;
      if (message.values.length === 1) {
        return { kind: RESPONSE, connection: { type: 'invoke_result', success: true }, application: only };
      }
      const connection = { type: 'invoke_result', success: true, resultLength: message.values.length };
      return { kind: RESPONSE, connection, application: joinList(message.values) };
    }
    case 'call-failure':
      return { kind: RESPONSE, connection: { type: 'invoke_result', success: false }, application: message.payload };
    case 'ping':
      return { kind: REQUEST, connection: { type: 'heartbeat' } };
    case 'pong':
      return { kind: RESPONSE, connection: { type: 'heartbeat_res' } };
    case 'unknown':
      throw new TypeError(`a message of unknown type ${message.name} cannot be written`);
  }
}

function read(connection: ConnectionObject, envelope: { id: number; timeoutMs: number }, application: Buffer): Message {
  const { type, key, reg: registration } = connection;
  const text = (value: unknown, field: string): string => {
    if (typeof value !== 'string') throw new ProtocolError(`${type}: ${field} must be a string`, application);
    return value;
  };
  switch (type) {
    case 'register_channel': {
      const hello = readHello(connection.hello);
      return { type: 'register', ...envelope, channel: text(connection.channelName, 'channelName'), ...(hello && { hello }) };
    }
    case 'register_channel_res': {
      const hello = readHello(connection.hello);
      return { type: 'register-result', ...envelope, payload: application, ...(hello && { hello }) };
    }
    case 'subscribe': {
      const payload = application.length > 0 ? { payload: application } : undefined;
      return { type: 'subscribe', ...envelope, key: text(key, 'key'), registration, ...payload };
    }
    case 'unSubscribe':
      return { type: 'unsubscribe', ...envelope, key: text(key, 'key'), registration };
    case 'subscribe_result':
      return { type: 'event', ...envelope, key: text(key, 'key'), payload: application };
    case 'subscribe_result_res':
      return { type: 'event-ack', ...envelope };
    case 'invoke': {
      const args = splitList(application, connection.argLength);
      const style = isCallStyle(connection.style) ? { style: connection.style } : undefined;
      const replay = connection.replay === true ? { replay: true } : undefined;
      const method = text(connection.method, 'method');
      return { type: 'call', ...envelope, method, args, oneway: connection.oneway === true, ...style, ...replay };
    }
    case 'invoke_result': {
      if (connection.success !== true) return { type: 'call-failure', ...envelope, payload: application };
      const { resultLength } = connection;
      const values = resultLength === undefined ? [application] : splitList(application, resultLength);
      return { type: 'call-result', ...envelope, values };
    }
    case 'heartbeat':
      return { type: 'ping', ...envelope };
    case 'heartbeat_res':
      return { type: 'pong', ...envelope };
    default:
      return { type: 'unknown', ...envelope, name: type };
  }
}

function parseConnectionObject(bytes: Buffer): ConnectionObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new ProtocolError('connection object is not JSON', bytes);
  }
  if (typeof value !== 'object' || value === null || typeof (value as ConnectionObject).type !== 'string') {
    throw new ProtocolError('connection object has no type', bytes);
  }
  return value as ConnectionObject;
}

function isCallStyle(value: unknown): value is CallStyle {
  return value === 'callback' || value === 'promise';
}

/** Each part as a length (int32) and the bytes of the part. */
function joinList(parts: readonly Buffer[]): Buffer | undefined {
  if (parts.length === 0) return undefined;
  const out = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    offset = out.writeInt32BE(part.length, offset);
    offset += part.copy(out, offset);
  }
  return out;
}

function splitList(bytes: Buffer, claimed: unknown): Buffer[] {
  // Every part takes at least four bytes: a larger claim is false, and is refused before a loop runs.
  if (!Number.isInteger(claimed) || (claimed as number) < 0 || (claimed as number) * 4 > bytes.length) {
    throw new ProtocolError('wrong length of a list', bytes);
  }
  const parts: Buffer[] = [];
  let offset = 0;
  for (let i = 0; i < (claimed as number); i++) {
    if (offset + 4 > bytes.length) throw new ProtocolError('list ends early', bytes);
    const length = bytes.readInt32BE(offset);
    const end = offset + 4 + length;
    if (length < 0 || end > bytes.length) throw new ProtocolError('list part ends early', bytes);
    parts.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  if (offset !== bytes.length) throw new ProtocolError('bytes after the end of a list', bytes);
  return parts;
}
