// Serves a port that this process has bound: turns accepted sockets into connections with processes of this user, whose proof is
// checked here. A socket without introduction is a stranger, with little room and little time; nothing that a stranger does goes
// further.

import { randomBytes } from 'node:crypto';
import type { AddressInfo, Server, Socket } from 'node:net';
import { agreedDialect } from '../../protocol/dialects';
import { helloOf, isProof, proofOf } from '../../protocol/handshake';
import type { Announce, ChannelId, Join, Message, Register, V2Message } from '../../protocol/message';
import type { Look } from '../../protocol/standing-messages';
import { rarely } from '../logger';
import { patientTimeout, type Clock } from '../time';
import { Connection } from './connection';
import { noteVisitor } from './looks';
import { strangersOfProcess } from './strangers';

/** What a stranger may send in a message, and in all: an introduction has a few hundred bytes. */
export const STRANGER_BYTES = 16 * 1024;
/** How long a stranger may take for the introduction, ms, no matter what the stranger sends meanwhile. */
export const STRANGER_MS = 5_000;

/** How long a process may stay that has come only to look, ms. */
const LOOKER_MS = 60_000;

/** The serving side of a channel. */
export interface ChannelDoor {
  /** A process of ours wants to be served; from here on the connection belongs to the channel. */
  admit(connection: Connection, join: Join): void;
  /**
   * A process of cluster-client 3.x asks to be served. The process has the limits of a stranger until the channel gives more
   * room.
   * @param keep to be called when the process is let in; without this call the time of a stranger ends the connection
   */
  admitLegacy(connection: Connection, register: Register, keep: () => void): void;
  /** Another leader of this process has the constructor arguments of this channel: followers with the same arguments go there. */
  sendOn(channel: ChannelId): void;
}

/** The secret by which processes of this user are recognised. */
export interface Credentials {
  /** Distinguishes the credentials of different clients in the same process. */
  readonly label: string;
  /** Asked at each introduction, because a file can be removed. @returns undefined when nobody has to prove anything */
  secret(): Promise<Buffer | undefined>;
}

/** The owner of a listener, who gets the connections. */
export interface ListenerOwner {
  /** @param opening what the process of ours asks first */
  onPeer(connection: Connection, opening: Join | Announce): void;
  /**
   * A process that claims to be cluster-client 3.x, which cannot prove anything and has the room and time of a stranger.
   * @param keep removes the limit of time
   */
  onLegacyPeer(connection: Connection, register: Register, keep: () => void): void;
  debug(message: string): void;
  /** Something keeps every process out, perhaps again and again; or strangers crowd the port. */
  warn(message: string): void;
}

export interface ListenerOptions {
  readonly server: Server;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly owner: ListenerOwner;
}

export class Listener {
  readonly port: number;
  readonly #options: ListenerOptions;
  readonly #warnOfCrowd: (message: string) => void;

  /** @param options the server listens already, and has no connection yet */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.port = (options.server.address() as AddressInfo).port;
    this.#warnOfCrowd = rarely((message) => options.owner.warn(message), options.clock);
    options.server.on('connection', (socket) => {
      this.#onSocket(socket);
    });
  }

  #onSocket(socket: Socket): void {
    const { clock } = this.#options;
    const connection = new Connection(socket, clock);
    connection.maxFrameBytes = STRANGER_BYTES;
    connection.maxStrangerBytes = STRANGER_BYTES;
    this.#makeRoom(connection);
    const deadline = patientTimeout(clock, STRANGER_MS, () => {
      this.#debug(connection, `no introduction within ${STRANGER_MS} ms`);
      connection.drop();
    });
    let isKnown = false;
    const known = (): void => {
      isKnown = true;
      deadline.cancel();
      strangersOfProcess.delete(connection);
      connection.maxStrangerBytes = Infinity;
    };
    connection.receiver = (message) => {
      if (message.type !== 'register') {
        this.#dismiss(connection, `first message is ${message.type}`);
      } else if (message.hello) {
        void this.#introduce(connection, message, known);
      } else {
        this.#options.owner.onLegacyPeer(connection, message, known); // not trusted: that is for the channel to say
      }
    };
    void connection.closed.then((end) => {
      deadline.cancel();
      strangersOfProcess.delete(connection);
      // Only of strangers: what a known peer sends may hold values of the user.
      if (end.reason === 'not-understood' && !isKnown) this.#debug(connection, end.error.message);
    });
  }

  #makeRoom(connection: Connection): void {
    for (const each of strangersOfProcess.add(connection)) {
      each.drop();
      this.#warnOfCrowd(
        `port ${this.port}: too many connections that have not introduced themselves; the oldest is closed, remotePort=${each.remotePort}`,
      );
    }
  }

  async #introduce(connection: Connection, { id, timeoutMs, hello }: Register, known: () => void): Promise<void> {
    const { credentials, owner } = this.#options;
    const dialect = agreedDialect(hello);
    if (!dialect) {
      this.#dismiss(connection, 'it does not speak version 2');
      return;
    }
    connection.receiver = (message) => {
      this.#dismiss(connection, `${message.type} before its introduction was answered`);
    };
    let secret: Buffer | undefined;
    try {
      secret = await credentials.secret();
    } catch (error) {
      this.#options.owner.warn(`nobody is let in: ${(error as Error).message}`);
      void connection.close();
      return;
    }
    const theirs = hello?.nonce;
    connection.peerMethods = hello?.methods;
    const own = secret && randomBytes(NONCE_BYTES);
    const proof = secret && own && theirs && proofOf(secret, 'listener', this.port, theirs, own);
    const answer = helloOf({ ...(own && { nonce: own }), ...(proof && { proof }), joinKeys: true, looks: true });
    connection.send({ type: 'register-result', id, timeoutMs, payload: Buffer.alloc(0), hello: answer });
    connection.upgrade(dialect, STRANGER_BYTES);
    let isProven = secret === undefined;
    connection.receiver = (message: Message | V2Message) => {
      if (message.type === 'prove' && !isProven) {
        isProven = isProof(proofOf(secret!, 'dialer', this.port, theirs ?? NOTHING, own!), message.proof);
        if (!isProven) this.#refuse(connection, 'its proof is wrong: it has another secret');
      } else if (message.type !== 'join' && message.type !== 'announce' && message.type !== 'look') {
        this.#dismiss(connection, `its introduction is followed by ${message.type}`);
      } else if (!isProven) {
        this.#refuse(connection, 'it gave no proof: it has auth switched off');
      } else {
        known();
        connection.trust();
        if (message.type === 'look') {
          this.#onLook(connection, message);
          return;
        }
        if (hello?.looks) noteVisitor(connection);
        owner.onPeer(connection, message);
      }
    };
  }

  /** A process that only looks has nothing else to say, and may look again for a while. */
  #onLook(connection: Connection, look: Look): void {
    connection.receiver = () => undefined;
    const limit = patientTimeout(this.#options.clock, LOOKER_MS, () => void connection.close());
    void connection.closed.then(() => limit.cancel());
    void connection.answerLook(look);
  }

  #refuse(connection: Connection, why: string): void {
    connection.send({ type: 'refusal', id: 0, code: 'not-proven', sentence: why, payload: NOTHING });
    this.#dismiss(connection, why);
  }

  #dismiss(connection: Connection, why: string): void {
    this.#debug(connection, why);
    void connection.close();
  }

  #debug(connection: Connection, why: string): void {
    this.#options.owner.debug(`${this.port}: socket closed, remotePort=${connection.remotePort}: ${why}`);
  }
}

export const NONCE_BYTES = 16;
const NOTHING = Buffer.alloc(0);
