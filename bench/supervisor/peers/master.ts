// trunkline and egg-cluster as peers: each is a library, which a master program of this bench calls.

import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clock } from '../../orders';
import { compiledCodeFolder } from '../packages';
import { CLIENT_VARIABLE } from '../programs/application';
import { killGroup, Stage } from '../stage';
import { WORKERS, type Application, type Peer, type Shape } from './peer';

/** The argument of a master program. */
export interface MasterOptions {
  readonly agent: boolean;
  readonly workers: number;
  readonly port: number;
  readonly compileCache: boolean;
  /** The folder of the framework. */
  readonly framework: string;
}

/** The answer of a master program to a message that asks for a reload. */
export type MasterMessage = { readonly reloaded: true } | { readonly reloaded: false; readonly reason: string };

/** How much output is shown when a master fails, characters. */
const SHOWN = 2_000;

export const trunkline: Peer = {
  name: 'trunkline',
  keepsCode: true,
  start: (stage, shape) => startMaster(stage, shape, 'trunkline-master.js', 'trunkline'),
};

/** Differs from `trunkline` where Node.js can keep compiled code: from 22.1 on. */
export const trunklineWithoutCache: Peer = {
  name: 'trunkline, compileCache: false',
  needsCompileCache: true,
  start: (stage, shape) => startMaster(stage, shape, 'trunkline-master.js', 'trunkline', false),
};

export const eggCluster: Peer = {
  name: 'egg-cluster',
  start: (stage, shape) => startMaster(stage, shape, 'egg-cluster-master.js', 'cluster-client'),
};

function startMaster(stage: Stage, shape: Shape, program: string, client: string, compileCache = true): Application {
  const framework = writeFramework(stage.folder);
  const options: MasterOptions = { agent: shape !== 'http', workers: WORKERS, port: stage.port, compileCache, framework };
  const env = { ...stage.env, XDG_CACHE_HOME: compiledCodeFolder(), ...(shape === 'shared' && { [CLIENT_VARIABLE]: client }) };
  const log = join(stage.folder, 'master.log');
  const output = openSync(log, 'a');
  const startedAtMs = clock();
  const master = fork(join(__dirname, '..', 'programs', program), [JSON.stringify(options)], {
    env,
    execPath: Stage.execPath,
    detached: true, // makes the master the leader of a new group
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output); // the master has a duplicate
  const ended = once(master, 'exit').then(([code, signal]) => {
    const error = new Error(`the master ended: ${code ?? signal}\n${readFileSync(log, 'utf8').slice(-SHOWN)}`);
    stage.reports.fail(error);
    return error;
  });
  stage.onClose(async () => {
    killGroup(master.pid!);
    await ended;
  });
  return {
    startedAtMs,
    reload: async () => {
      master.send('reload');
      const answer = await Promise.race([answerOf(master), ended]);
      if (answer instanceof Error) throw answer;
      if (!answer.reloaded) throw new Error(answer.reason);
    },
    stop: async () => {
      master.kill('SIGTERM');
      await ended;
    },
  };
}

/** Supervisors tell the parent of the master other things too. */
async function answerOf(master: ChildProcess): Promise<MasterMessage> {
  for await (const [message] of on(master, 'message')) {
    if (typeof message === 'object' && message !== null && 'reloaded' in message) return message as MasterMessage;
  }
  throw new Error('no answer'); // the iteration has no end
}

/** A framework is a package folder, which serves as the application too. */
function writeFramework(folder: string): string {
  const main = join(__dirname, '..', 'programs', 'framework.js');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'bench-framework', version: '0.0.0', main }));
  return folder;
}
