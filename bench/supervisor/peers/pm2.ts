// PM2 as a peer: the command line, in cluster mode, with a separate daemon and home.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clock } from '../../orders';
import { packageFolder } from '../packages';
import { killGroup, Stage } from '../stage';
import { WORKERS, type Peer } from './peer';

const run = promisify(execFile);

/** A program that knows nothing of PM2. */
export const pm2: Peer = pm2Peer('pm2', 'plain-worker.js', []);

/** A program with the handlers that the documentation of PM2 asks for. */
export const pm2Graceful: Peer = pm2Peer('pm2, graceful program', 'pm2-worker.js', ['--wait-ready']);

function pm2Peer(name: string, program: string, startOptions: readonly string[]): Peer {
  return {
    name,
    start: async (stage) => {
      const home = join(stage.folder, 'pm2');
      const command = (...args: string[]): Promise<unknown> => pm2Command(stage, home, args);
      const startedAtMs = clock();
      const path = join(__dirname, '..', 'programs', program);
      const started = command('start', path, '--name', 'bench', '-i', String(WORKERS), ...startOptions);
      stage.onClose(async () => {
        // The daemon may be just about to come up.
        await started.catch(() => undefined);
        const daemon = daemonOf(home);
        await command('kill').catch(() => undefined);
        if (daemon !== undefined) killGroup(daemon);
      });
      await started;
      return {
        startedAtMs,
        reload: async () => {
          await command('reload', 'bench');
        },
      };
    },
  };
}

function pm2Command(stage: Stage, home: string, args: readonly string[]): Promise<unknown> {
  return run(Stage.execPath, [join(packageFolder('pm2'), 'bin', 'pm2'), ...args], {
    cwd: stage.folder,
    // Without the last two variables PM2 looks for newer versions, and for an account.
    env: { ...stage.env, PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true', PM2_NO_INTERACTION: 'true' },
  });
}

function daemonOf(home: string): number | undefined {
  const file = join(home, 'pm2.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}
