// The options of the ZooKeeper adapter, checked once.

import { TrunklineError } from '../../errors';
import { isTimerMs } from '../../time';
import type { Server } from './zookeeper-package';

export interface ZooKeeperOptions {
  /** The servers of an ensemble, `host:port` with commas between, tried in turn. A path at the end is the beginning of `root`. */
  readonly connectString: string;
  /** The node below which all keys are. Default `/`. Created with the first key. */
  readonly root?: string | undefined;
  /**
   * The session timeout: the server drops registrations after this time of silence of the client, ms; the client notices a
   * silent server after two thirds of the time. Default 10000. The server may allow only a shorter or a longer time.
   */
  readonly timeToLiveMs?: number | undefined;
  /** With `password`, for the scheme `digest`. ZooKeeper takes any, and refuses what the user may not do. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /**
   * Who may use the nodes that this client creates: `anyone`; `creator`, the user `username` alone; or `creator-writes`, the same
   * with reading for anyone. Default `anyone`.
   */
  readonly access?: 'anyone' | 'creator' | 'creator-writes' | undefined;
  /** What the servers have as `jute.maxbuffer`, bytes. Default 1048575, as in ZooKeeper. */
  readonly maxRequestBytes?: number | undefined;
}

export interface ResolvedZooKeeperOptions {
  readonly servers: readonly Server[];
  /** The name of the servers in errors. */
  readonly name: string;
  /** Without a slash at the end; empty for the root of ZooKeeper. */
  readonly root: string;
  readonly timeToLiveMs: number;
  readonly credential: Buffer | undefined;
  readonly access: 'anyone' | 'creator' | 'creator-writes';
  readonly maxRequestBytes: number;
}

const DEFAULT_PORT = 2181;
const ACCESS = ['anyone', 'creator', 'creator-writes'];

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveZooKeeperOptions(options: ZooKeeperOptions): ResolvedZooKeeperOptions {
  const { connectString, root = '/', timeToLiveMs = 10_000, access = 'anyone', maxRequestBytes = 1_048_575 } = options;
  if (typeof connectString !== 'string') throw invalid('connectString', 'must be a text such as 127.0.0.1:2181');
  const slash = connectString.indexOf('/');
  const name = slash < 0 ? connectString : connectString.slice(0, slash);
  const chroot = slash < 0 ? '' : connectString.slice(slash);
  if (!isTimerMs(timeToLiveMs)) throw invalid('timeToLiveMs', 'must be a time in ms, greater than 0');
  if (!Number.isSafeInteger(maxRequestBytes) || maxRequestBytes < 1)
    throw invalid('maxRequestBytes', 'must be a number of bytes');
  if (!ACCESS.includes(access)) throw invalid('access', `must be one of ${ACCESS.join(', ')}`);
  const credential = credentialOf(options);
  if (access !== 'anyone' && !credential) throw invalid('access', `can be ${access} only together with username and password`);
  return {
    servers: serversOf(name),
    name,
    root: pathOf('connectString', chroot) + pathOf('root', root),
    timeToLiveMs,
    credential,
    access,
    maxRequestBytes,
  };
}

function serversOf(list: string): Server[] {
  return list.split(',').map((address) => {
    const [, host, port = DEFAULT_PORT] = /^([^\s:[\]]+)(?::(\d+))?$/.exec(address.trim()) ?? [];
    const isPort = Number(port) > 0 && Number(port) < 65_536;
    if (host !== undefined && isPort) return { host, port: Number(port) };
    throw invalid(
      'connectString',
      `must be host:port with commas between, and has ${JSON.stringify(address)}; IPv6 by name only`,
    );
  });
}

function pathOf(option: string, path: unknown): string {
  if (path === '' || path === '/') return '';
  const isPath = typeof path === 'string' && path.startsWith('/') && !path.endsWith('/');
  const isPlain = isPath && !/\/(\/|\.{1,2}(\/|$))/.test(path);
  if (isPlain) return path;
  throw invalid(option, `must have an absolute path such as /apps/shop, and has ${JSON.stringify(path)}`);
}

function credentialOf({ username, password }: { username?: unknown; password?: unknown }): Buffer | undefined {
  if (username === undefined && password === undefined) return undefined;
  if (typeof username !== 'string' || username === '' || username.includes(':')) {
    throw invalid('username', 'must be a text without a colon, given together with password');
  }
  if (typeof password !== 'string') throw invalid('password', 'must be a text, given together with username');
  return Buffer.from(`${username}:${password}`);
}

function invalid(option: string, rule: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `zookeeper: ${option} ${rule}`, { option });
}
