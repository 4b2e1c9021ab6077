// The followers of a channel, seen from the leader: who follows, and how followers are told that the leader leaves. The requests
// of each follower are served by hosted-follower.ts.

import { writeRefusal } from '../../../protocol/handshake';
import type { ChannelId, Join, Register } from '../../../protocol/message';
import { TrunklineError } from '../../errors';
import { rarely } from '../../logger';
import type { FollowerReport } from '../../process-report';
import type { Connection } from '../../transport/connection';
import type { ChannelDoor } from '../../transport/listener';
import type { HostedChannel } from './hosted-channel';
import { HostedFollower } from './hosted-follower';
import { chooseCodec } from '../../../protocol/handshake';
import { PeerValues } from '../peer-values';
import type { FollowerSnapshot } from '../role';
import { Topics } from './topics';

export class ChannelHost implements ChannelDoor {
  readonly #channel: HostedChannel;
  readonly #term: number;
  readonly #onError: (error: unknown) => void;
  readonly #connections = new Map<Connection, HostedFollower>();
  /** What followers of ours were created with, as they have said. */
  readonly #identities = new Map<Connection, string>();
  /** Followers that could lead. */
  readonly #candidates = new Set<Connection>();
  readonly #topics: Topics;
  readonly #warnOfLegacyPeers: (message: string) => void;
  /** Skipped events of followers that have already disconnected. */
  #skippedBefore = 0;
  #isHandingOff = false;
  #isSilent = false;
  #onFirstJoined: () => void = () => undefined;
  /** Settles when a follower of ours has come. */
  readonly firstJoined = new Promise<void>((resolve) => {
    this.#onFirstJoined = resolve;
  });
  #onAllLeft: () => void = () => undefined;

  /** @param onError gets the failures of one-way calls, which have no caller to tell */
  constructor(channel: HostedChannel, term: number, onError: (error: unknown) => void) {
    this.#channel = channel;
    this.#topics = new Topics(channel.spec.values.leavesRoom);
    this.#term = term;
    this.#onError = onError;
    const { logger, clock } = channel.spec;
    this.#warnOfLegacyPeers = rarely((message) => logger.warn(message), clock);
  }

  /** Whether any follower could lead. */
  get hasCandidate(): boolean {
    return this.#candidates.size > 0;
  }

  get followers(): readonly FollowerSnapshot[] {
    return [...this.#connections].map(([{ remotePort, outboxBytes }, { skippedEvents, streams }]) => ({
      remotePort,
      outboxBytes,
      skippedEvents,
      streams,
    }));
  }

  /** How each follower stands, for a look at the host. */
  get report(): FollowerReport[] {
    const now = this.#channel.spec.clock.now();
    return [...this.#connections].map(([connection, { skippedEvents }]) => ({
      remotePort: connection.remotePort,
      outboxBytes: connection.outboxBytes,
      lagMs: Math.round(connection.measureLag()),
      skippedValues: skippedEvents,
      lastHeardMs: Math.round(now - connection.lastHeardAt),
    }));
  }

  stamp(): string {
    let outboxBytes = 0;
    for (const connection of this.#connections.keys()) outboxBytes += connection.outboxBytes;
    return [this.#connections.size, outboxBytes, this.skippedEvents].join(' ');
  }

  /** Values of this term that followers did not get, because the followers read too slowly and newer values came. */
  get skippedEvents(): number {
    return this.followers.reduce((sum, { skippedEvents }) => sum + skippedEvents, this.#skippedBefore);
  }

  admit(connection: Connection, join: Join): void {
    if (join.candidacy !== 'follows') this.#candidates.add(connection);
    this.#identities.set(connection, join.channel.identity);
    const { spec } = this.#channel;
    spec.values.welcomeReader(this.#connections.size);
    const follower = this.#follow(connection, PeerValues.ofOurs(spec, chooseCodec(spec.values.names, join.codecs)));
    if (this.#isSilent) follower.silence();
    follower.ask(join);
    if (this.#isHandingOff) this.#tellHandOff(connection);
    this.#onFirstJoined();
  }

  admitLegacy(connection: Connection, register: Register, keep: () => void = () => undefined): void {
    if (!this.#channel.spec.allowsLegacyPeers) {
      this.#refuseLegacy(connection, register);
      return;
    }
    keep();
    this.#follow(connection, PeerValues.ofLegacy(this.#channel.spec)).ask(register);
  }

  /** Followers with these constructor arguments find a leader of their own at the port: they are served here until they have. */
  sendOn({ identity }: ChannelId): void {
    for (const [connection, theirs] of this.#identities) if (theirs === identity) this.#tellHandOff(connection);
  }

  /** Followers are to look for the successor from now on, also those that come later. */
  handOff(): void {
    if (this.#isHandingOff) return;
    this.#isHandingOff = true;
    for (const connection of this.#connections.keys()) this.#tellHandOff(connection);
  }

  /**
   * Followers of ours get no more values; followers of cluster-client 3.x still do, because no message can tell
   * such a process to leave.
   */
  silence(): void {
    this.#isSilent = true;
    for (const [{ dialect }, follower] of this.#connections) if (dialect.hasNotices) follower.silence();
  }

  /** Resolves when no follower of ours is left. */
  get allLeft(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAllLeft = resolve;
      this.#checkAllLeft();
    });
  }

  /** Closes the connection of every follower. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections.keys()].map((connection) => connection.close()));
  }

  #follow(connection: Connection, values: PeerValues): HostedFollower {
    const { spec } = this.#channel;
    const follower = new HostedFollower({
      channel: this.#channel,
      term: this.#term,
      topics: this.#topics,
      connection,
      values,
      onError: this.#onError,
    });
    this.#connections.set(connection, follower);
    connection.receiver = (message) => {
      follower.onMessage(message);
    };
    if (spec.heartbeatIntervalMs !== undefined) {
      connection.startHeartbeat(spec.heartbeatIntervalMs, 'follower', spec.name);
    }
    void connection.closed.then((end) => {
      this.#connections.delete(connection);
      this.#candidates.delete(connection);
      this.#identities.delete(connection);
      this.#skippedBefore += follower.skippedEvents;
      follower.leave();
      if (end.reason === 'silent') spec.logger.warn(end.error.message);
      if (end.reason === 'not-understood') {
        spec.logger.warn(`${spec.name}: follower dropped, remotePort=${connection.remotePort}: ${end.error.message}`);
      }
      this.#checkAllLeft();
    });
    return follower;
  }

  /**
   * Refuses a process of cluster-client 3.x, which gets nothing but an answer. The connection stays open for the time of a
   * stranger: such a process asks again after 3 s on an open connection, and at once after the connection ends.
   */
  #refuseLegacy(connection: Connection, { id, timeoutMs }: Register): void {
    const { name: channel, legacyValues } = this.#channel.spec;
    const message =
      `${channel}: a process of cluster-client 3.x cannot prove that it belongs to the user of the leader; ` +
      'replace it, or set allowLegacyPeers (TRUNKLINE_ALLOW_LEGACY=1) in the leader';
    this.#warnOfLegacyPeers(`${message}; remotePort=${connection.remotePort}`);
    try {
      const payload = writeRefusal(new TrunklineError('ERR_TRUNKLINE_LEGACY_PEER', message, { channel }), legacyValues);
      connection.send({ type: 'register-result', id, timeoutMs, payload });
    } catch (error) {
      this.#onError(error); // the transcode of the user has thrown
      connection.drop();
    }
  }

  #tellHandOff(connection: Connection): void {
    if (connection.dialect.hasNotices) connection.send({ type: 'goaway', code: 'hand-off', sentence: 'this leader is going' });
  }

  #checkAllLeft(): void {
    // Peers of cluster-client 3.x cannot be told to go.
    if (![...this.#connections.keys()].some(({ dialect }) => dialect.hasNotices)) this.#onAllLeft();
  }
}
