// `start --daemon`: the master in a separate process, without a terminal, with files for the output. Waits until the application
// is ready, or leaves nothing.

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { MasterSettings } from './application';
import { CommandFailure, EXIT, reasonOf } from '../command-failure';
import { eventOf, type ToDaemon } from './daemon-messages';
import type { Report } from '../show/events';
import { tail } from './log-file';
import { logPipes } from '../logs/log-pipes';
import { openToAppend } from '../../own-file';
import { makeFolder } from '../../supervisor/host/make-folder';

/** How long a daemon that has reported a failure may take to end, ms. */
const END_MS = 10_000;
/** Lines of the error log that are shown when a daemon ends without a report. */
const LAST_LINES = 10;

/** @param files where the output goes, if not to the place @returns the exit code; 0: the daemon is ready */
export async function startDaemon(
  settings: MasterSettings,
  files: { readonly stdout: string | undefined; readonly stderr: string | undefined },
  report: Report,
): Promise<number> {
  const { place } = settings;
  const stdout = resolve(files.stdout ?? place.stdout);
  const stderr = resolve(files.stderr ?? place.stderr);
  const out = openLog(stdout);
  const err = stderr === stdout ? out : openLog(stderr);
  const errorsBegin = fstatSync(err).size;
  const pipes = settings.rotation === undefined ? undefined : logPipes();
  const daemon = spawn(process.execPath, [...process.execArgv, join(__dirname, 'daemon-entry.js'), place.name], {
    detached: true,
    stdio: pipes
      ? ['ignore', pipes.out.write, pipes.err.write, 'ipc', pipes.out.read, pipes.err.read]
      : ['ignore', out, err, 'ipc'],
  });
  for (const log of new Set([out, err])) closeSync(log);
  pipes?.close();
  return await outcomeOf(daemon, { ...settings, logs: { stdout, stderr } }, report, () => lastWords(stderr, errorsBegin));
}

function outcomeOf(daemon: ChildProcess, settings: MasterSettings, report: Report, saidLast: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    let code: number | undefined;
    daemon.once('error', (error) => reject(CommandFailure.failed(`the daemon cannot be started: ${reasonOf(error)}`)));
    daemon.on('message', (message) => {
      const event = eventOf(message);
      if (!event) return;
      report(event);
      if (event.event === 'failed') {
        code = event.code;
        setTimeout(() => daemon.kill('SIGKILL'), END_MS).unref();
      } else if (event.event === 'ready') {
        daemon.unref();
        resolve(0);
      }
    });
    daemon.once('exit', (ownCode, signal) => {
      if (code === undefined) {
        const message = `the daemon ended (${signal ?? `code ${ownCode}`}) before it was ready${saidLast()}`;
        report({ event: 'failed', message, code: EXIT.failed });
      }
      resolve(code ?? EXIT.failed);
    });
    const message: ToDaemon = { trunklineStart: settings };
    daemon.send(message, () => undefined); // when the message cannot be sent, the daemon ends
  });
}

/** Appends; the first line shows a full disk before anything is started. */
function openLog(path: string): number {
  try {
    makeFolder(dirname(path));
    const log = openToAppend(path);
    writeSync(log, `${new Date().toISOString()} [trunkline] start\n`);
    return log;
  } catch (error) {
    throw CommandFailure.failed(`the log ${path} cannot be written: ${reasonOf(error)}`);
  }
}

function lastWords(path: string, from: number): string {
  const lines = tail(path, LAST_LINES, from).bytes.toString();
  return lines.trim() === '' ? '' : `:\n${lines.trimEnd()}`;
}
