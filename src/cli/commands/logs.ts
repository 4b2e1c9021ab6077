// `trunkline logs`: the end of what a daemon has written, and further output. Works also after the end of the daemon.

import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { findOccupant, readFacts } from '../place/claim';
import { CommandFailure, reasonOf } from '../command-failure';
import { programText } from './commands';
import { GrowingFile, tail } from './log-file';
import { LineGate } from './line-gate';
import type { Output } from '../show/output';
import type { Place } from '../place/place';

/** How often files are looked at that are followed, ms. */
const LOOK_MS = 200;

/** @param signal ends the following */
export async function logs(
  places: readonly Place[],
  lines: number,
  follow: boolean,
  stdout: Output,
  signal: AbortSignal,
): Promise<void> {
  const files = (await Promise.all(places.map(logFiles))).flat();
  const header = headers(files.length > 1, stdout);
  const show = (file: string, bytes: Buffer): void => {
    stdout.write(header(file));
    stdout.write(bytes);
  };
  const showNews = (file: string, bytes: Buffer): void => {
    if (bytes.length > 0) show(file, bytes);
  };
  const followed = files.map((file) => {
    const last = existsSync(file) ? lastLines(file, lines) : undefined;
    if (last) show(file, last.bytes);
    return { file, growing: new GrowingFile(file, last?.end ?? 0), gate: new LineGate(files.length > 1) };
  });
  while (follow && !signal.aborted) {
    for (const { file, growing, gate } of followed) {
      for (let news = growing.read(); news.length > 0; news = growing.read()) showNews(file, gate.pass(news));
    }
    await wait(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  for (const { file, growing, gate } of followed) {
    showNews(file, gate.rest());
    growing.close();
  }
}

function lastLines(file: string, lines: number): { bytes: Buffer; end: number } {
  try {
    return tail(file, lines);
  } catch (error) {
    throw CommandFailure.failed(`a log cannot be read: ${reasonOf(error)}`);
  }
}

async function logFiles(place: Place): Promise<string[]> {
  const occupant = await findOccupant(place);
  if (occupant.state === 'there') occupant.client.close();
  if (occupant.state === 'mute' && !occupant.isNoted) throw CommandFailure.failed(programText(place, occupant.pid));
  const facts = readFacts(place);
  if (facts && !facts.logs && occupant.state !== 'none')
    throw CommandFailure.failed(`${place.name} runs in the foreground (pid ${facts.pid}): its output is where it was started`);
  const { stdout, stderr } = facts?.logs ?? place;
  const files = [...new Set([stdout, stderr])];
  if (files.some((file) => existsSync(file))) return files;
  throw CommandFailure.notRunning(
    `${place.name} has no logs: it has not been started as a daemon, or they were removed (${files.join(', ')})`,
  );
}

/** As `tail` does: a line with the name, where the file is another than before. */
function headers(isNeeded: boolean, stdout: Output): (file: string) => string {
  let last: string | undefined;
  return (file) => {
    if (!isNeeded || file === last) return '';
    const before = last === undefined ? '' : '\n';
    last = file;
    return `${before}${stdout.style('bold', `==> ${file} <==`)}\n`;
  };
}
