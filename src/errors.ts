// Every error that trunkline makes. The table below is the only list of codes: docs/errors.md is held to it by a test.

interface ErrorKind {
  /** Whether doing the same again later can succeed without any change. */
  readonly retryable: boolean;
  /** A `name` that users of cluster-client 3.x and sdk-base 4 match on. */
  readonly legacyName?: string;
  readonly meaning: string;
}

const kinds = {
  ERR_TRUNKLINE_OPTION_INVALID: {
    retryable: false,
    meaning: 'An option, or the environment variable behind it, has a value that cannot work.',
  },
  ERR_TRUNKLINE_PACKAGE_MISSING: {
    retryable: false,
    meaning: 'A feature needs a package that is not installed; the message names both, and says how to install the package.',
  },
  ERR_TRUNKLINE_DELEGATE_INVALID: {
    retryable: false,
    meaning: '`delegate()` names a target that is unknown or does not suit, a member of the client, or no method of the class.',
  },
  ERR_TRUNKLINE_NOT_SHARED: {
    retryable: false,
    meaning:
      'A method was called that is not shared, or a stream of an older leader. The message says how to share it, or why not.',
  },
  ERR_TRUNKLINE_CALLBACK_UNCLEAR: {
    retryable: false,
    meaning: 'Nobody can tell whether the last parameter is a callback: its name is lost (minified). The call has not run.',
  },
  ERR_TRUNKLINE_MOCK_INVALID: {
    retryable: false,
    meaning: '`trunkline/testing`: a mock was asked for something that its class does not have; the message names both.',
  },
  ERR_TRUNKLINE_MOCK_UNANSWERED: {
    retryable: false,
    meaning: '`trunkline/testing`: a method of a mock was called, and the test has not said what the method gives.',
  },
  ERR_TRUNKLINE_GROUP_FAILED: {
    retryable: false,
    meaning: '`trunkline/testing`: a group of members cannot do what the test asks for, or a member has failed.',
  },
  ERR_TRUNKLINE_WAIT_TIMEOUT: {
    retryable: false,
    meaning: '`trunkline/testing`: what `waitFor` waits for did not come in time.',
  },
  ERR_TRUNKLINE_LEFT_OPEN: {
    retryable: false,
    meaning: '`trunkline/testing`: `leakCheck` has found clients, sockets, timers or processes that a test has left open.',
  },
  ERR_TRUNKLINE_PORT_TAKEN: {
    retryable: true,
    meaning: '`isLeader: true`, but another process holds the cluster port or leads the channel.',
  },
  ERR_TRUNKLINE_PORT_FOREIGN: {
    retryable: true,
    meaning: 'The cluster port is held by a program that does not speak this protocol, or by a process that does not run.',
  },
  ERR_TRUNKLINE_BIND_FAILED: {
    retryable: true,
    meaning: 'The cluster port cannot be bound, for another reason than being taken.',
  },
  ERR_TRUNKLINE_NO_SECRET: {
    retryable: true,
    meaning: 'The folder for the secret of this user cannot be used.',
  },
  ERR_TRUNKLINE_NO_LEADER: {
    retryable: true,
    meaning: 'No leader served the channel within `maxWaitTime`. The client goes on waiting in the background.',
  },
  ERR_TRUNKLINE_READY_TIMEOUT: {
    retryable: true,
    legacyName: 'TimeoutError',
    meaning: '`readyOrTimeout(ms)`: the client was not ready in that time. It goes on starting.',
  },
  ERR_TRUNKLINE_NOT_PROVEN: {
    retryable: true,
    meaning: 'One of two processes could not prove that it belongs to the same user: they have different secrets.',
  },
  ERR_TRUNKLINE_LEGACY_PEER: {
    retryable: true,
    meaning: 'The other process is one of cluster-client 3.x, and `allowLegacyPeers` is not set.',
  },
  ERR_TRUNKLINE_REFUSED: {
    retryable: true,
    meaning: 'The process that leads, or holds the cluster port, does not serve this one; the message says why.',
  },
  ERR_TRUNKLINE_LEADER_LOST: {
    retryable: true,
    legacyName: 'SocketCloseError',
    meaning: 'The connection to the leader ended while a call or stream was under way. The call may or may not have run.',
  },
  ERR_TRUNKLINE_TOO_SLOW: {
    retryable: true,
    meaning: 'The leader ended the connection: this process did not read what was sent to it. It joins again by itself.',
  },
  ERR_TRUNKLINE_BUSY: {
    retryable: true,
    meaning: 'Too much waits for the leader already (`maxOutboxBytes`, 100,000 calls, 1,000 streams). The call has not run.',
  },
  ERR_TRUNKLINE_PEER_SILENT: {
    retryable: true,
    legacyName: 'ClusterClientNoResponseError',
    meaning: 'The other side of a connection said nothing for 2.5 heartbeat intervals; `side` says which side that was.',
  },
  ERR_TRUNKLINE_CALL_TIMEOUT: {
    retryable: true,
    legacyName: 'ResponseTimeoutError',
    meaning: 'The leader did not answer a call, or a step of a stream, in time. The call may or may not have run.',
  },
  ERR_TRUNKLINE_CALLER_LOST: {
    retryable: false,
    meaning: 'The reason of an AbortSignal that a method got: the process that made the call is gone.',
  },
  ERR_TRUNKLINE_SUBSCRIBE_TIMEOUT: {
    retryable: true,
    meaning: 'A subscription had no first value within `subscribeTimeout`. It stays in place.',
  },
  ERR_TRUNKLINE_NOT_ENCODABLE: {
    retryable: false,
    meaning: 'A value cannot be turned into bytes by the transcode of the channel.',
  },
  ERR_TRUNKLINE_NOT_DECODABLE: {
    retryable: false,
    meaning: 'Bytes of the other side cannot be read by the transcode of the channel: the two sides differ.',
  },
  ERR_TRUNKLINE_UNKNOWN_METHOD: {
    retryable: false,
    meaning: 'The method is not delegated on the leader, or its upstream client does not have it.',
  },
  ERR_TRUNKLINE_UPSTREAM_FAILED: {
    retryable: true,
    meaning: 'The upstream client did not become ready and gave no error of its own. It is tried again in the background.',
  },
  ERR_TRUNKLINE_UPSTREAM_LOST: {
    retryable: true,
    meaning: 'The upstream client closed by itself; a new one is being created. `cause` is its last error, if there was one.',
  },
  ERR_TRUNKLINE_UPSTREAM_REFUSED: {
    retryable: true,
    meaning: 'The upstream client refused to subscribe, to publish, or to end that; see `channel`, `key`, `method`, `cause`.',
  },
  ERR_TRUNKLINE_CLOSE_TIMEOUT: {
    retryable: false,
    meaning: 'The `close` method of the upstream client did not finish within 5 s and is not waited for any longer.',
  },
  ERR_TRUNKLINE_LISTENER_THREW: {
    retryable: false,
    meaning: 'A listener or callback of the user threw; `cause` is what it threw.',
  },
  ERR_TRUNKLINE_BOOT_FAILED: {
    retryable: false,
    meaning: 'A process of the application ended before it was ready at the first start; everything was stopped again.',
  },
  ERR_TRUNKLINE_CANNOT_SUPERVISE: {
    retryable: false,
    meaning: '`startCluster` was called where it cannot work, such as in a worker; the message says why, and what to do.',
  },
  ERR_TRUNKLINE_RELOAD_FAILED: {
    retryable: true,
    meaning: 'A new process did not become ready, or ended soon after. Old ones that were not replaced yet go on.',
  },
  ERR_TRUNKLINE_FLEET_NO_ENGINE: {
    retryable: true,
    meaning: 'The engine of a fleet (etcd, Redis) does not answer. The fleet goes on trying in the background.',
  },
  ERR_TRUNKLINE_FLEET_ENGINE_REFUSED: {
    retryable: false,
    meaning: 'The engine of a fleet answers, but cannot be used: a wrong password, a right that is missing, a version too old.',
  },
  ERR_TRUNKLINE_FLEET_MISMATCH: {
    retryable: false,
    meaning: 'Another class, or another form of values, uses the same `group` of a fleet; the message names what differs.',
  },
  ERR_TRUNKLINE_FLEET_TOO_LARGE: {
    retryable: false,
    meaning: 'A value, call or answer is larger than the engine of the fleet carries. Nothing was sent.',
  },
  ERR_TRUNKLINE_FLEET_NO_WINNER: {
    retryable: true,
    meaning: 'No host of the fleet took a call within `callTimeoutMs`. The call has not run.',
  },
  ERR_TRUNKLINE_FLEET_WINNER_LOST: {
    retryable: true,
    meaning: 'The host that ran a call lost leadership of the fleet before it answered. The call may or may not have run.',
  },
  ERR_TRUNKLINE_FLEET_STALE: {
    retryable: true,
    meaning: 'Values of a fleet may be old: the engine is silent, or no host leads. The values before stay.',
  },
  ERR_TRUNKLINE_STORE_UNREACHABLE: {
    retryable: true,
    meaning: 'A server of an adapter or engine does not answer, or cannot be reached. It is tried again in the background.',
  },
  ERR_TRUNKLINE_STORE_DENIED: {
    retryable: false,
    meaning: 'A server refuses the user or the password, or the user may not do this there; `server` names the server.',
  },
  ERR_TRUNKLINE_STORE_UNTRUSTED: {
    retryable: false,
    meaning: 'The certificate of a server, or of this client, is not accepted by the other side; `cause` says why.',
  },
  ERR_TRUNKLINE_STORE_FULL: {
    retryable: true,
    meaning: 'A server refuses writes because its space is used up. Reads go on.',
  },
  ERR_TRUNKLINE_STORE_FAILED: {
    retryable: true,
    meaning: 'A server answered with an error of another kind, or not as the protocol says; the message quotes the answer.',
  },
  ERR_TRUNKLINE_STORE_LACKS: {
    retryable: false,
    meaning: 'The store cannot do what was asked, e.g. a registration in files; the message says what can be done instead.',
  },
  ERR_TRUNKLINE_KEY_INVALID: {
    retryable: false,
    meaning: 'The key or prefix cannot be one in this store; the message says what is wrong with it.',
  },
  ERR_TRUNKLINE_VALUE_TOO_LARGE: {
    retryable: false,
    meaning: 'The value is larger than the server takes. Nothing was sent.',
  },
  ERR_TRUNKLINE_VALUE_INVALID: {
    retryable: false,
    meaning: 'A value of a store is not what was asked for, e.g. no JSON; `key` names the value.',
  },
  ERR_TRUNKLINE_VERSION_CONFLICT: {
    retryable: false,
    meaning: 'The key has another version than the write requires; read the key again.',
  },
  ERR_TRUNKLINE_NOT_WATCHED: {
    retryable: true,
    meaning: '`config.get(key)` for a key that this process does not watch, or whose first value has not come yet.',
  },
  ERR_TRUNKLINE_CLOSED: {
    retryable: false,
    meaning: 'The client was used after `close()`, or closed before it became ready.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof kinds;

/** All codes and their meanings. */
export const ERROR_KINDS: Readonly<Record<ErrorCode, ErrorKind>> = kinds;

/** Every error of trunkline. Facts of the case (channel, port, method, …) are own fields. */
export class TrunklineError extends Error {
  readonly code: ErrorCode;
  /** Whether doing the same again later can succeed without any change. */
  readonly retryable: boolean;

  /**
   * @param message a sentence: *channel: what failed, with what values; what to do*
   * @param facts become own fields of the error; `cause` becomes the standard `cause`
   */
  constructor(code: ErrorCode, message: string, facts: { cause?: unknown; [fact: string]: unknown } = {}) {
    const { cause, ...fields } = facts;
    super(message, cause === undefined ? undefined : { cause });
    const kind: ErrorKind = kinds[code];
    Object.defineProperty(this, 'name', { value: kind.legacyName ?? 'TrunklineError', configurable: true, writable: true });
    this.code = code;
    this.retryable = kind.retryable;
    Object.assign(this, fields);
  }
}

/** Turns an error that another process made, and that lost its class on the way, into a `TrunklineError` again. */
export function adopt(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (!(error instanceof Error) || error instanceof TrunklineError || typeof code !== 'string' || !Object.hasOwn(kinds, code))
    return error;
  return Object.setPrototypeOf(error, TrunklineError.prototype);
}
