// A real etcd for tests, on free ports, with a single member or several. The data stays when a server is killed, until the end of the test.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate } from './certificate';
import { describeWhere } from './describe-where';
import { freePort } from './ports';
import { RunningServer } from './server-program';

export interface EtcdSettings {
  /** Further flags of the program. */
  readonly flags?: readonly string[];
  /** HTTPS with the certificate of `certificate.ts`; `mutual`: clients must show the same certificate. */
  readonly tls?: 'server' | 'mutual';
}

interface Member {
  readonly url: string;
  readonly peerUrl: string;
  readonly name: string;
}

export class Etcd {
  readonly url: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  #server: RunningServer | undefined;

  private constructor(members: readonly Member[], index: number, { flags = [], tls }: EtcdSettings) {
    const { url, peerUrl, name } = members[index]!;
    this.url = url;
    this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-etcd-data-'));
    const [cert, key] = ['cert.pem', 'key.pem'].map((file) => join(this.#folder, file));
    if (tls) {
      writeFileSync(cert!, certificate.cert);
      writeFileSync(key!, certificate.key);
    }
    this.#args = [
      ...['--name', name],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', members.map((each) => `${each.name}=${each.peerUrl}`).join(',')],
      ...(tls ? ['--cert-file', cert!, '--key-file', key!] : []),
      ...(tls === 'mutual' ? ['--client-cert-auth', '--trusted-ca-file', cert!] : []),
      ...flags,
    ];
  }

  /** Resolves when the server reports to be healthy. */
  static async start(settings: EtcdSettings = {}): Promise<Etcd> {
    const [etcd] = await Etcd.startMembers(1, settings);
    return etcd!;
  }

  /** An etcd of several members. Resolves when all members report to be healthy. */
  static async startMembers(count: number, settings: EtcdSettings = {}): Promise<Etcd[]> {
    const members: Member[] = [];
    for (let i = 0; i < count; i++) {
      const url = `${settings.tls ? 'https' : 'http'}://127.0.0.1:${await freePort()}`;
      members.push({ name: `member-${i + 1}`, url, peerUrl: `http://127.0.0.1:${await freePort()}` });
    }
    const etcds = members.map((_, index) => new Etcd(members, index, settings));
    await Promise.all(etcds.map((etcd) => etcd.startAgain()));
    return etcds;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The process number of the server; 0 while no process runs. */
  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** With the data of before, unless the data has been lost. */
  async startAgain({ withData = true } = {}): Promise<void> {
    const data = join(this.#folder, 'data');
    if (!withData) rmSync(data, { recursive: true, force: true });
    this.#server = await RunningServer.start({
      name: 'etcd',
      command: 'etcd',
      args: () => ['--data-dir', data, ...this.#args],
      answers: () => isHealthy(this.url),
    });
  }

  /** `kill -9`; the data stays. */
  async kill(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** The server does not run until `resume()`, but connections stay. */
  pause(): void {
    this.#server?.signal('SIGSTOP');
  }

  resume(): void {
    this.#server?.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isHealthy(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { agent: false, headers: { connection: 'close' }, timeout: 5_000 };
    const onResponse = (response: http.IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(body.includes('"health":"true"')));
    };
    const request = url.startsWith('https:')
      ? https.get(`${url}/health`, { ...options, ...certificate, ca: certificate.cert, servername: 'localhost' }, onResponse)
      : http.get(`${url}/health`, options, onResponse);
    request.on('error', () => resolve(false)); // not listening yet
  });
}

export function describeWithEtcd(name: string, tests: () => void): void {
  const isThere = spawnSync('etcd', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program etcd is not installed (Debian package etcd-server)', name, tests);
}
