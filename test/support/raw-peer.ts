// An end of a connection made by hand: a socket and the codecs, and nothing of src/ except the way from a given secret to bytes.
// Sends what a test wants, true or not, as the dialling or the accepting side.

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { FrameReader, MAX_FRAME_BYTES } from '../../protocol/frame';
import { helloOf, proofOf } from '../../protocol/handshake';
import type { Candidacy } from '../../protocol/candidacy';
import type { ChannelId, Hello, Message, V2Message } from '../../protocol/message';
import { v1Codec, v1Framing } from '../../protocol/v1';
import { v2Codec, v2Framing } from '../../protocol/v2';
import { sharedSecret } from '../../src/transport/credentials';
import { eventually } from './eventually';

type Anything = Message | V2Message;
type OfType<T extends Anything['type']> = Extract<Anything, { type: T }>;

/** The bytes of a secret that was given as an option. */
export const secretOf = (secret: string): Promise<Buffer> =>
  sharedSecret({ port: 0, secret, runtimeFolder: undefined, temporaryFolder: '' });

export class RawPeer {
  readonly socket: net.Socket;
  /** Everything that was understood, oldest first. */
  readonly messages: Anything[] = [];
  /** Whether the other side has closed. */
  readonly closed: Promise<void>;
  #heard = Buffer.alloc(0);
  #version: 1 | 2 = 1;
  readonly #reader = new FrameReader(v1Framing);

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
      this.#reader.push(chunk, (frame) => {
        const message = frame[0] === 2 ? v2Codec.decode(frame) : v1Codec.decode(frame);
        this.messages.push(message);
        // Version 2 follows after this message.
        if (message.type === 'register-result' && message.hello) this.upgrade();
      });
    });
  }

  static async dial(port: number): Promise<RawPeer> {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    const peer = new RawPeer(socket);
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return peer;
  }

  /** All bytes. */
  get heard(): Buffer {
    return this.#heard;
  }

  upgrade(): void {
    this.#version = 2;
    this.#reader.upgrade(v2Framing, MAX_FRAME_BYTES);
  }

  /** In the version of now; what is not given is 1, for the id, and 3 s. */
  send(message: Record<string, unknown> & { type: Anything['type'] }): void {
    const whole = { id: 1, timeoutMs: 3_000, ...message } as unknown as Anything;
    this.socket.write(this.#version === 2 ? v2Codec.encode(whole as V2Message) : v1Codec.encode(whole as Message));
  }

  /** The first message of this type, past or future. */
  heardOf<T extends Anything['type']>(type: T): Promise<OfType<T>> {
    return eventually(`${type}; heard so far: ${this.messages.map((message) => message.type).join(', ')}`, () =>
      this.messages.find((message): message is OfType<T> => message.type === type),
    );
  }

  /** Registers with a hello and a proof, as the dialling side. @param port the port in the proof */
  async introduce(secret: Buffer | undefined, port: number): Promise<Hello> {
    const nonce = randomBytes(16);
    this.send({ type: 'register', channel: 'registry', hello: helloOf(secret && { nonce }) });
    const { hello } = await this.heardOf('register-result');
    if (secret && hello?.nonce) this.send({ type: 'prove', proof: proofOf(secret, 'dialer', port, nonce, hello.nonce) });
    return hello!;
  }

  join(name: string, how: { candidacy?: Candidacy; identity?: string; isStrict?: boolean; term?: number } = {}): void {
    const { candidacy = 'follows', identity = '', isStrict = false, term = 0 } = how;
    const channel: ChannelId = { name, identity, isStrict };
    this.send({ type: 'join', channel, candidacy, term, codecs: ['structured'] });
  }
}
