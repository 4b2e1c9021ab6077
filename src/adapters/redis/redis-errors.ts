// Errors of ioredis and answers of Redis as coded errors that name the server and what to do.

import { TrunklineError, type ErrorCode } from '../../errors';

/** What Node.js and OpenSSL say of certificates that one of the two sides does not accept. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY|DECRYPT)|ALTNAME|UNKNOWN_CA|CERTIFICATE/;

/** Answers of Redis by their first words; Redis 6 puts the place in a script before the words and a `-`. The first that fits counts. */
const ANSWERS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [
    /^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/,
    'ERR_TRUNKLINE_STORE_DENIED',
    'refuses the user or the password; check both options',
  ],
  [
    /(^|-)NOPERM|user executing the script can't/,
    'ERR_TRUNKLINE_STORE_DENIED',
    'does not allow this user to do that; give the user the right, see docs/adapters.md',
  ],
  [
    /(^|-)OOM /,
    'ERR_TRUNKLINE_STORE_FULL',
    'has reached maxmemory and refuses writes, reads go on; make room, or raise maxmemory',
  ],
  [
    /unknown command/i,
    'ERR_TRUNKLINE_STORE_LACKS',
    'does not know or allow a command; the versioned form and registrations need scripts (EVAL), and Redis 6 or later',
  ],
  [
    /(^|-)(READONLY|MASTERDOWN|LOADING|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)/,
    'ERR_TRUNKLINE_STORE_UNREACHABLE',
    'is a replica, or is loading its data; check that the address is the one of the master',
  ],
];

const ADVICE: Partial<Record<ErrorCode, string>> = {
  ERR_TRUNKLINE_STORE_UNTRUSTED:
    'the certificate of one side is not accepted by the other; check tls.ca, tls.servername, tls.cert',
  ERR_TRUNKLINE_STORE_UNREACHABLE: 'cannot be reached; check the address, and that the server runs',
};

/** @param cause what ioredis has thrown */
export function storeError(server: string, cause: unknown, facts: Readonly<Record<string, unknown>> = {}): TrunklineError {
  if (cause instanceof TrunklineError) return cause;
  const { message, code = '', name } = cause as NodeJS.ErrnoException;
  const answer = ANSWERS.find(([words]) => words.test(message));
  if (answer) return coded(server, answer[1], answer[2], cause, facts);
  if (name === 'ReplyError') {
    return coded(server, 'ERR_TRUNKLINE_STORE_FAILED', 'gave an answer that was not expected', cause, facts);
  }
  const kind = CERTIFICATE.test(code) ? 'ERR_TRUNKLINE_STORE_UNTRUSTED' : 'ERR_TRUNKLINE_STORE_UNREACHABLE';
  return coded(server, kind, ADVICE[kind]!, cause, facts);
}

/** The server has said nothing for too long. */
export function silent(server: string, silenceMs: number): TrunklineError {
  const sentence = `${server} has said nothing for ${silenceMs} ms, or the network drops what the server says; a new connection is tried`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server, silenceMs });
}

/**
 * The error of ioredis is not passed on as the cause: its field `command` has all arguments, so also passwords and values, and errors travel to
 * other processes and into logs. An answer of Redis may quote arguments too.
 */
function coded(
  server: string,
  code: ErrorCode,
  sentence: string,
  error: unknown,
  facts: Readonly<Record<string, unknown>>,
): TrunklineError {
  const { message, name, code: own } = error as NodeJS.ErrnoException;
  const words = message.replace(/,? with args beginning with:.*$/s, '');
  const cause = Object.assign(new Error(words), { name }, own === undefined ? undefined : { code: own });
  return new TrunklineError(code, `${server} ${sentence} (${words})`, { ...facts, server, cause });
}
