// A place has at most one master; the files of a dead master are replaced.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claim, findOccupant, readFacts, type Facts } from '../../../src/cli/place/claim';
import { placeOf, type Place } from '../../../src/cli/place/place';
import { birthOf, isAlive } from '../../../src/cli/place/processes';

let folder: string;
let place: Place;
let servers: net.Server[] = [];

/** Higher than any that a system gives. */
const DEAD_PID = 2 ** 30;
const facts: Facts = { pid: process.pid, birth: birthOf(process.pid), baseDir: '/app', startedAt: 'now' };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-claim-'));
  place = placeOf({ title: 'shop' }, folder);
});

afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  servers = [];
  rmSync(folder, { recursive: true });
});

async function listen(): Promise<void> {
  const server = net.createServer((socket) => socket.on('error', () => undefined).unref());
  servers.push(server);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(place.socket, resolve));
}

function leave(pid: number, about?: Partial<Facts>): void {
  writeFileSync(place.pidFile, `${pid}\n`);
  if (about) writeFileSync(place.facts, JSON.stringify({ ...facts, ...about }));
}

test('a place that is taken has pid file, facts and socket, and nothing once it is given back', async () => {
  const release = await claim(place, facts, listen);
  expect(readFileSync(place.pidFile, 'utf8')).toBe(`${process.pid}\n`);
  expect(readFacts(place)).toEqual(facts);
  expect(readdirSync(folder)).not.toContain('shop.pid.starting');
  release();
  expect([existsSync(place.pidFile), existsSync(place.socket)]).toEqual([false, false]);
});

test('of two that start at once one gets the place', async () => {
  const outcomes = await Promise.allSettled([claim(place, facts, listen), claim(place, facts, listen)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const [refused] = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  expect(refused!.message).toBe(`shop is already running, pid ${process.pid}`);
  // The refused master has touched nothing.
  expect(existsSync(place.pidFile) && existsSync(place.socket)).toBe(true);
});

test('what a dead master has left is replaced', async () => {
  leave(DEAD_PID, { pid: DEAD_PID, birth: '1' });
  writeFileSync(place.pidFile, `${DEAD_PID}\n`);
  await claim(place, facts, listen);
  expect(readFileSync(place.pidFile, 'utf8')).toBe(`${process.pid}\n`);
});

test('a number that is another process by now is the number of a dead master', async () => {
  leave(process.pid, { birth: 'another' });
  expect(await findOccupant(place)).toEqual({ state: 'none' });
});

test('a master that has lost its socket still has its place', async () => {
  leave(process.pid, {});
  await expect(claim(place, facts, listen)).rejects.toThrow(`already running, pid ${process.pid}`);
  expect(readFileSync(place.pidFile, 'utf8')).toBe(`${process.pid}\n`);
});

test('a pid file of somebody else that names a living process is not touched', async () => {
  leave(process.pid);
  await expect(claim(place, facts, listen)).rejects.toThrow('names a living process');
  expect(readdirSync(folder)).toEqual(['shop.pid']);
});

test('a file that is no pid file is not touched', async () => {
  writeFileSync(place.pidFile, 'console.log(1)');
  await expect(claim(place, facts, listen)).rejects.toMatchObject({ exitCode: 2 });
  expect(readFileSync(place.pidFile, 'utf8')).toBe('console.log(1)');
});

test('an empty pid file is that of a master that was killed in its first moment', async () => {
  writeFileSync(place.pidFile, '');
  await claim(place, facts, listen);
  expect(readFileSync(place.pidFile, 'utf8')).toBe(`${process.pid}\n`);
});

test('a socket that cannot be made leaves nothing', async () => {
  const failing = async (): Promise<void> => {
    throw Object.assign(new Error('listen'), { code: 'ENOSPC' });
  };
  await expect(claim(place, facts, failing)).rejects.toThrow('the disk is full (ENOSPC)');
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be made is told in one sentence', async () => {
  writeFileSync(join(folder, 'file'), '');
  const below = placeOf({ pidFile: join(folder, 'file', 'app.pid') }, folder);
  await expect(claim(below, facts, listen)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('not a folder'),
  });
});

test('a process is alive, and is itself', () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(DEAD_PID)).toBe(false);
  expect(birthOf(process.pid)).toBe(birthOf(process.pid));
  expect(birthOf(DEAD_PID)).toBeUndefined();
});
