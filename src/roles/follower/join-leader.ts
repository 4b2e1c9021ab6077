// Joining a leader: come to it, ask for the channel, and find out what is there.

import { MAX_FRAME_BYTES } from '../../../protocol/frame';
import { readOutcome, readReason } from '../../../protocol/handshake';
import type { Candidacy } from '../../../protocol/candidacy';
import type { UnknownCode } from '../../../protocol/codes';
import type { Joined, Refusal, RegisterResult, Wait } from '../../../protocol/message';
import { formatEndpoint, loopback, type Endpoint } from '../../endpoint';
import { adopt, TrunklineError, type ErrorCode } from '../../errors';
import type { Appointed, Meeting } from '../../election/term';
import { approach } from '../../transport/approach';
import type { Connection } from '../../transport/connection';
import type { Introduction } from '../../transport/introduction';
import type { CodecName } from '../../../protocol/value-codec';
import { Follower } from './follower';
import { foreignPort } from '../foreign-port';
import { warnOfDifference } from '../identity-warning';
import { methodsFingerprint, warnOfMethods } from '../method-warning';
import { notDecodable } from '../not-decodable';
import { PeerValues } from '../peer-values';
import type { ChannelSpec, RoleHooks, Wanted } from '../role';

export type JoinOutcome =
  | { readonly follower: Follower }
  /** The channel is led by the process that listens there. */
  | { readonly redirected: Endpoint }
  /** This process is to lead. */
  | { readonly appointed: Appointed }
  /**
   * Nobody listens, or the process there is just going: normal while leaders change.
   * `accepted`: the connection was accepted, and closed without an answer.
   */
  | { readonly absent: Error; readonly accepted: boolean }
  /** A leader refused, or something else holds the port. `isUpstream`: the leader leads, but has no working upstream client. */
  | { readonly refused: unknown; readonly isUpstream?: true };

export interface JoinOptions {
  readonly spec: ChannelSpec;
  readonly meeting: Meeting;
  /** Where to join: the cluster port, or the port to which the holder of the cluster port has redirected. */
  readonly endpoint: Endpoint;
  readonly candidacy: Candidacy;
  readonly seenTerm: number;
  readonly hooks: RoleHooks;
  readonly signal: AbortSignal;
  /** What this process wants at this moment. */
  wanted(): Iterable<Wanted>;
  /** Gets the connection on which the answer is awaited. */
  readonly onDialled: (connection: Connection) => void;
  /** The process is not served yet, for this reason. */
  onWait(why: Wait['code'], sentence: string): void;
}

/**
 * Characters of name, identity and keys in a join: with two bytes for each of them, the join and what precedes it stay below
 * STRANGER_BYTES.
 */
const MAX_JOIN_CHARACTERS = 3_000;
const NO_KEYS: readonly string[] = [];

/** Connects to the process at the endpoint and asks to be served; waits as long as the leader there is not ready. */
export async function joinLeader(options: JoinOptions): Promise<JoinOutcome> {
  const { spec, meeting, endpoint, signal, onDialled } = options;
  const outcome = await approach<JoinOutcome>(
    {
      endpoint,
      credentials: meeting.credentials,
      settings: spec,
      channel: spec.name,
      methods: methodsFingerprint(spec.sharedMethods),
      timeoutMs: spec.responseTimeoutMs,
      signal,
      onDialled,
    },
    (introduction, connection) => ask(options, introduction, connection),
    (asked) => 'follower' in asked || 'appointed' in asked,
  );
  if (!('unreachable' in outcome)) return outcome;
  // A reset can overtake the news of the connection.
  const accepted = (outcome.unreachable as NodeJS.ErrnoException).code === 'ECONNRESET';
  return { absent: outcome.unreachable, accepted };
}

async function ask(options: JoinOptions, introduction: Introduction, connection: Connection): Promise<JoinOutcome> {
  const { spec, endpoint } = options;
  switch (introduction.kind) {
    case 'known':
      return await join(options, connection, introduction.readsKeys ? keysOf(options) : NO_KEYS);
    case 'legacy':
      return followLegacy(options, connection, introduction.result);
    case 'unproven':
      return { refused: notProven(options, `the process there cannot prove that it belongs to this user: ${introduction.why}`) };
    case 'foreign':
      return { refused: foreignPort(spec.name, endpoint, introduction.heard) };
    case 'gone':
      return goneOutcome(introduction.error);
  }
}

function join(options: JoinOptions, connection: Connection, keys: readonly string[]): Promise<JoinOutcome> {
  const { spec, endpoint, candidacy, seenTerm } = options;
  return new Promise((resolve) => {
    connection.receiver = (message) => {
      switch (message.type) {
        case 'joined':
          resolve(follow(options, connection, message, keys));
          return;
        case 'shared-methods':
          warnOfMethods(spec, message.methods);
          return;
        case 'redirect':
          resolve({ redirected: loopback(message.port) });
          return;
        case 'appoint':
          resolve({ appointed: { line: connection, term: message.term, isSucceeding: message.isSucceeding } });
          return;
        case 'refusal':
          resolve(refusalOutcome(options, message));
          return;
        case 'wait':
          options.onWait(message.code, message.sentence);
          return;
        default: // nothing else is said before an answer
      }
    };
    void connection.closed.then((end) => {
      if (end.reason === 'not-understood') resolve({ refused: foreignPort(spec.name, endpoint, `said ${end.error.heard}`) });
      else resolve(goneOutcome('error' in end ? end.error : undefined));
    });
    connection.send({
      type: 'join',
      id: connection.nextId(),
      channel: spec.id,
      candidacy,
      term: seenTerm,
      codecs: spec.values.names,
      ...(keys.length > 0 && { keys }),
    });
  });
}

/** The keys that the join asks for: those that need no codec, as many as fit. The others follow when this process is joined. */
function keysOf(options: JoinOptions): string[] {
  const { spec } = options;
  const keys: string[] = [];
  let room = MAX_JOIN_CHARACTERS - spec.id.name.length - spec.id.identity.length;
  for (const { key, registration } of options.wanted()) {
    room -= key.length + 1;
    if (room < 0) break;
    if (spec.isKeyEnough(registration)) keys.push(key);
  }
  return keys;
}

function follow({ spec, hooks }: JoinOptions, connection: Connection, joined: Joined, keys: readonly string[]): JoinOutcome {
  warnOfDifference(spec, joined.parts);
  const values = PeerValues.ofOurs(spec, agreedCodec(spec, joined));
  return {
    follower: new Follower(spec, connection, joined.term, values, hooks, {
      keys,
      hasStreams: joined.streams === true,
      hasStates: joined.states === true,
    }),
  };
}

/**
 * A leader that names no common codec has none, and the values of such a leader cannot be decoded: each value is reported then.
 */
function agreedCodec({ values }: ChannelSpec, { codec }: Joined): CodecName {
  return values.names.find((name) => name === codec) ?? values.name;
}

function goneOutcome(error: Error | undefined): JoinOutcome {
  if (error instanceof TrunklineError) return { refused: error }; // the other side was silent
  return { absent: new Error('closed the connection without an answer'), accepted: true };
}

function refusalOutcome(options: JoinOptions, { code, sentence, payload }: Refusal): JoinOutcome {
  const { spec, endpoint } = options;
  const refused = (errorCode: ErrorCode, message: string): JoinOutcome => ({
    refused: new TrunklineError(errorCode, `${spec.name}: ${message}`, { channel: spec.name, port: endpoint.port }),
  });
  switch (code) {
    case 'not-led-here':
      return { absent: new Error(sentence), accepted: false }; // the leader has just gone
    case 'led-elsewhere':
      return refused(
        'ERR_TRUNKLINE_PORT_TAKEN',
        `isLeader is true, but ${sentence} on cluster port ${formatEndpoint(endpoint)}; stop that process, choose another port or name, or leave isLeader unset`,
      );
    case 'not-proven':
      return { refused: notProven(options, `the process there does not accept this one: ${sentence}`) };
    case 'upstream-failed':
      return { refused: payload.length > 0 ? reasonIn(spec, payload) : new Error(sentence), isUpstream: true };
    case 'no-common-codec':
      return refused('ERR_TRUNKLINE_NOT_DECODABLE', sentence);
    case 'superseded': // said to leaders only
    default: {
      code satisfies 'superseded' | UnknownCode;
      const error = payload.length > 0 ? reasonIn(spec, payload) : undefined;
      return error ? { refused: error } : refused('ERR_TRUNKLINE_REFUSED', `the leader refused (${code}): ${sentence}`);
    }
  }
}

function reasonIn(spec: ChannelSpec, payload: Buffer): unknown {
  try {
    return adopt(readReason(payload));
  } catch (cause) {
    return notDecodable(spec.name, ANSWER, cause);
  }
}

function notProven({ spec, endpoint }: JoinOptions, why: string): TrunklineError {
  const message =
    `${spec.name}: cluster port ${formatEndpoint(endpoint)}: ${why}; run all processes as one user, with the same option ` +
    'secret (or TRUNKLINE_SECRET) and auth, or choose another port';
  return new TrunklineError('ERR_TRUNKLINE_NOT_PROVEN', message, { channel: spec.name, port: endpoint.port });
}

function followLegacy({ spec, endpoint, hooks }: JoinOptions, connection: Connection, { payload }: RegisterResult): JoinOutcome {
  const { name: channel } = spec;
  if (!spec.allowsLegacyPeers) {
    const message =
      `${channel}: ${formatEndpoint(endpoint)} is held by a process of cluster-client 3.x, which cannot prove that it belongs to this user; ` +
      'replace it, or set allowLegacyPeers (TRUNKLINE_ALLOW_LEGACY=1) in every process while both are in use';
    return { refused: new TrunklineError('ERR_TRUNKLINE_LEGACY_PEER', message, { channel, port: endpoint.port }) };
  }
  try {
    const outcome = readOutcome(payload, spec.legacyValues);
    connection.maxFrameBytes = MAX_FRAME_BYTES;
    if (outcome.accepted) return { follower: new Follower(spec, connection, 0, PeerValues.ofLegacy(spec), hooks) };
    return { refused: adopt(outcome.error) };
  } catch (cause) {
    return { refused: notDecodable(spec.name, ANSWER, cause) };
  }
}

const ANSWER = "the leader's answer";
