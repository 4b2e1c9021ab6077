// What can go wrong between this process and etcd, as errors with a code: each names the server, what was asked, and what to do.
// Callers that must decide by the kind of failure read the reason with `reasonOf`, and with `mayHaveRun` whether a write whose
// answer is missing may have been executed. Pure.

import { TrunklineError, type ErrorCode } from '../errors';
import { formatBytes } from '../quantities';

/** Refusals of etcd that a program reacts to. */
export type EtcdReason =
  /** The token is unknown to the server: expired, or the server was restarted. */
  | 'auth-token'
  /** The user may not do this with these keys. */
  | 'not-permitted'
  /** The lease has expired or was revoked. */
  | 'lease-not-found'
  /** The revision was compacted: what happened until then can no longer be read. */
  | 'compacted'
  /** The revision is greater than the revision of the store. */
  | 'future-revision'
  /** The server asks for a user, and the request had none. */
  | 'auth-required'
  /** `authenticate` at a server that asks nobody for a password. */
  | 'auth-disabled'
  /** The server has no majority, or did not get an answer of the majority in time. */
  | 'no-majority';

/** An answer that is no success, as the gateway words the answer. */
export interface Refusal {
  readonly status: number;
  /** A code of gRPC, if the answer has one. */
  readonly grpcCode: number | undefined;
  readonly message: string;
}

const GRPC = { invalidArgument: 3, deadline: 4, notFound: 5, denied: 7, exhausted: 8, precondition: 9, outOfRange: 11 } as const;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** @returns why etcd has refused a request or a watch; undefined for refusals that only a person can do something about */
export function reasonOf(error: unknown): EtcdReason | undefined {
  return error instanceof TrunklineError ? (error as { reason?: EtcdReason }).reason : undefined;
}

/**
 * Whether a request that has failed may have been executed: true when the answer is missing, false when the request was certainly
 * not sent or was refused.
 */
export function mayHaveRun(error: unknown): boolean {
  return error instanceof TrunklineError && (error as { mayHaveRun?: boolean }).mayHaveRun === true;
}

/** @param sent whether the request may have reached the server */
export function unreachable(server: string, what: string, cause: unknown, sent: boolean): TrunklineError {
  const words = wordsOf(cause);
  const trust = trustProblem(cause);
  if (trust !== undefined) {
    const sentence = `etcd at ${server}: ${what}: ${trust} (${words})`;
    return new TrunklineError('ERR_TRUNKLINE_STORE_UNTRUSTED', sentence, { server, mayHaveRun: false, cause });
  }
  const doubt = sent ? '; the request may have been executed' : '';
  const sentence = `etcd at ${server}: ${what}: ${words}${doubt}; check that etcd runs there and ${hintFor(server, cause)}`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server, mayHaveRun: sent, cause });
}

/** No answer within the limit. */
export function silent(server: string, what: string, limitMs: number, sent: boolean): TrunklineError {
  const state = sent ? 'no answer' : 'no connection';
  return unreachable(server, what, new Error(`${state} within ${limitMs} ms`), sent);
}

export function refused(server: string, what: string, { status, grpcCode, message }: Refusal): TrunklineError {
  const fail = (code: ErrorCode, advice: string, facts: { reason?: EtcdReason; mayHaveRun?: boolean } = {}): TrunklineError => {
    const sentence = `etcd at ${server}: ${what}: ${message || `HTTP status ${status}`}${advice && `; ${advice}`}`;
    return new TrunklineError(code, sentence, { server, status, grpcCode, mayHaveRun: false, ...facts });
  };
  if (grpcCode === UNAUTHENTICATED || message.includes('revision of auth store is old'))
    return fail('ERR_TRUNKLINE_STORE_DENIED', 'the token of this client is no longer valid', { reason: 'auth-token' });
  if (message.includes('user name is empty'))
    return fail('ERR_TRUNKLINE_STORE_DENIED', 'this etcd asks for a password: set the options username and password', {
      reason: 'auth-required',
    });
  if (message.includes('authentication failed'))
    return fail('ERR_TRUNKLINE_STORE_DENIED', 'check the options username and password');
  if (message.includes('authentication is not enabled'))
    return fail('ERR_TRUNKLINE_STORE_DENIED', 'leave username and password out', { reason: 'auth-disabled' });
  if (message.includes('request is too large')) return fail('ERR_TRUNKLINE_VALUE_TOO_LARGE', LARGE_ADVICE);
  if (message.includes('lease not found')) return fail('ERR_TRUNKLINE_STORE_FAILED', '', { reason: 'lease-not-found' });
  if (message.includes('has been compacted')) return fail('ERR_TRUNKLINE_STORE_FAILED', '', { reason: 'compacted' });
  if (message.includes('future revision')) return fail('ERR_TRUNKLINE_STORE_FAILED', '', { reason: 'future-revision' });
  if (message.includes('key is not provided')) return fail('ERR_TRUNKLINE_KEY_INVALID', 'a key has at least one byte');
  switch (grpcCode) {
    case GRPC.denied:
      return fail('ERR_TRUNKLINE_STORE_DENIED', 'give the role of this user the permission for these keys', {
        reason: 'not-permitted',
      });
    case GRPC.exhausted:
      if (!message.includes('space exceeded')) return fail('ERR_TRUNKLINE_STORE_FAILED', 'try again later');
      return fail('ERR_TRUNKLINE_STORE_FULL', 'compact and defragment etcd or raise its quota, then disarm the alarm');
    case UNAVAILABLE:
    case GRPC.deadline: {
      // Only "no leader" and "stopped" say that nothing was proposed to the other members.
      const facts = { reason: 'no-majority', mayHaveRun: !/no leader|server stopped/.test(message) } as const;
      return fail('ERR_TRUNKLINE_STORE_UNREACHABLE', 'check that most members of this etcd run', facts);
    }
    case undefined:
      return fail('ERR_TRUNKLINE_STORE_FAILED', 'this is not the answer of an etcd 3.4 or newer: check the address');
    default:
      return fail('ERR_TRUNKLINE_STORE_FAILED', '');
  }
}

const LARGE_ADVICE = 'store less under this key, or raise --max-request-bytes of etcd and the option maxRequestBytes';

/** Said before anything is sent. */
export function tooLarge(servers: string, what: string, bytes: number, limitBytes: number): TrunklineError {
  const sentence = `etcd at ${servers}: ${what}: ${formatBytes(bytes)} are more than the ${formatBytes(limitBytes)} that etcd takes in a request; ${LARGE_ADVICE}`;
  return new TrunklineError('ERR_TRUNKLINE_VALUE_TOO_LARGE', sentence, { server: servers, bytes, limitBytes, mayHaveRun: false });
}

/** The answer of a server is not read to its end. The request may have been a transaction that writes, too. */
export function answerTooLarge(server: string, what: string, limitBytes: number): TrunklineError {
  const sentence = `etcd at ${server}: ${what}: the answer is larger than ${formatBytes(limitBytes)}; ask for fewer keys, with a limit`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_FAILED', sentence, { server, limitBytes, mayHaveRun: true });
}

export function closed(what: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_CLOSED', `etcd: ${what}: the client was closed`);
}

/** The reason why a watch was canceled, which etcd gives as text of gRPC: `rpc error: code = PermissionDenied desc = …`. */
export function watchRefusal(reason: string): Refusal {
  const [, name, message] = /^rpc error: code = (\w+) desc = (.*)$/s.exec(reason) ?? [];
  const codes: Readonly<Record<string, number>> = {
    InvalidArgument: GRPC.invalidArgument,
    PermissionDenied: GRPC.denied,
    Unauthenticated: UNAUTHENTICATED,
    Unavailable: UNAVAILABLE,
  };
  return { status: 200, grpcCode: codes[name ?? ''] ?? GRPC.invalidArgument, message: message ?? reason };
}

/** What TLS does not accept, with what to do; undefined for failures of another kind. */
function trustProblem(cause: unknown): string | undefined {
  const code = codeOf(cause);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'the certificate of the server is for another name; set tls.servername to a name of the certificate';
  if (/^(DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED|INVALID_CA)/.test(code))
    return 'the certificate of the server is not signed by a known authority; set tls.ca to the certificate of its authority';
  if (/^(CERT_|CRL_)/.test(code)) return 'the certificate of the server is not valid; renew the certificate';
  if (/^ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA)/.test(code))
    return 'the server does not accept the certificate of this client; set tls.cert and tls.key to a pair that its authority has signed';
  return undefined;
}

function hintFor(server: string, cause: unknown): string {
  const right = 'that the address is right';
  if (!/^(EPROTO|ECONNRESET|HPE_)|WRONG_VERSION_NUMBER/.test(codeOf(cause))) return right;
  return server.startsWith('https:')
    ? `${right}: http:// if etcd has no certificate`
    : `${right}: https:// if etcd has a certificate`;
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Several addresses of a host fail together as an AggregateError without a message. */
function wordsOf(cause: unknown): string {
  const { errors } = (cause ?? {}) as { errors?: unknown };
  const first = (Array.isArray(errors) ? errors[0] : cause) as { message?: unknown } | undefined;
  const said = typeof first?.message === 'string' ? first.message : '';
  return said || codeOf(cause) || 'the connection failed';
}
