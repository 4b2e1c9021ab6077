// What can go wrong between this process and ZooKeeper, as errors with a code: each names the servers, what was asked, and what to
// do. Pure.

import { TrunklineError } from '../../errors';
import { CODE } from './zookeeper-package';

/** The names of codes in ZooKeeper's documents. */
const NAMES: Record<number, string> = {
  [-1]: 'SYSTEM_ERROR',
  [-2]: 'RUNTIME_INCONSISTENCY',
  [-3]: 'DATA_INCONSISTENCY',
  [-5]: 'MARSHALLING_ERROR',
  [-6]: 'UNIMPLEMENTED',
  [-7]: 'OPERATION_TIMEOUT',
  [CODE.badArguments]: 'BAD_ARGUMENTS',
  [CODE.noNode]: 'NO_NODE',
  [CODE.badVersion]: 'BAD_VERSION',
  [CODE.noChildrenForEphemerals]: 'NO_CHILDREN_FOR_EPHEMERALS',
  [CODE.nodeExists]: 'NODE_EXISTS',
  [CODE.notEmpty]: 'NOT_EMPTY',
};

/** The code of a server with `enforceQuota`, which node-zookeeper-client does not know. */
const QUOTA_EXCEEDED = -125;

/** @param why a clause without a full stop */
export function unreachable(server: string, why: string, cause?: unknown): TrunklineError {
  const sentence = `zookeeper at ${server}: ${why}; check connectString, and that the servers run`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server, ...(cause === undefined ? {} : { cause }) });
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_STORE_UNREACHABLE';
}

/** The answer to a write has not come. */
export function inDoubt(server: string, what: string, cause: unknown): TrunklineError {
  const sentence = `zookeeper at ${server}: ${what}: the connection was lost before the answer; the write may have been executed: read the key`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server, mayHaveRun: true, cause });
}

/** A refusal by the server. @param what such as `put of a/key` */
export function refused(server: string, what: string, code: number): TrunklineError {
  const facts = { server, zookeeperCode: code };
  const where = `zookeeper at ${server}: ${what}`;
  switch (code) {
    case CODE.noAuth:
    case CODE.invalidAcl: {
      const sentence = `${where}: this user may not do this; check username and password, and the ACL of the node`;
      return new TrunklineError('ERR_TRUNKLINE_STORE_DENIED', sentence, facts);
    }
    case CODE.authFailed: {
      const sentence = `${where}: the server does not take the credentials; check username and password, and that the server has the scheme digest`;
      return new TrunklineError('ERR_TRUNKLINE_STORE_DENIED', sentence, facts);
    }
    case CODE.noChildrenForEphemerals: {
      const sentence = `${where}: the key above is a registration, and can have no keys below; choose another key`;
      return new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, facts);
    }
    case CODE.notEmpty: {
      const sentence = `${where}: there are keys below, and a registration can have none; choose another key`;
      return new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, facts);
    }
    default:
      return new TrunklineError(
        'ERR_TRUNKLINE_STORE_FAILED',
        `${where}: the server answered ${NAMES[code] ?? 'an error'} (${code})`,
        facts,
      );
  }
}

/** An answer that the package cannot read. @param cause what the package threw */
export function unreadable(server: string, cause: unknown): TrunklineError {
  const { message } = cause as Error;
  const code = Number(/^Unknown code: (-?\d+)$/.exec(message)?.[1]);
  if (code === QUOTA_EXCEEDED) {
    const sentence = `zookeeper at ${server}: a quota is exceeded; delete something, or raise the quota`;
    return new TrunklineError('ERR_TRUNKLINE_STORE_FULL', sentence, { server, zookeeperCode: code, cause });
  }
  const sentence = `zookeeper at ${server}: node-zookeeper-client cannot read an answer (${message}); the connection is made anew`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_FAILED', sentence, { server, cause });
}

export function conflict(server: string, key: string, ifVersion: number, version: number | undefined): TrunklineError {
  const now = version === undefined ? 'does not exist' : `has version ${version}`;
  const sentence = `zookeeper at ${server}: ${key} ${now}, and the write requires version ${ifVersion}; read the key again`;
  return new TrunklineError('ERR_TRUNKLINE_VERSION_CONFLICT', sentence, { server, key, ifVersion, version: version ?? 0 });
}

export function tooLarge(server: string, key: string, bytes: number, limitBytes: number): TrunklineError {
  const sentence = `zookeeper at ${server}: the value of ${key} has ${bytes} bytes, and ${limitBytes} fit into a request; make the value smaller, or raise jute.maxbuffer and the option maxRequestBytes`;
  return new TrunklineError('ERR_TRUNKLINE_VALUE_TOO_LARGE', sentence, { server, key, bytes, limitBytes });
}
