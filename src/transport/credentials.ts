// The secret that all processes of a user share for a cluster port, and that nobody else has. The secret lies in a file that
// only this user can read, unless the user sets a secret. The secret never goes over the wire, and appears in no message or log.

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { link, open, opendir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { TrunklineError } from '../errors';
import { fact } from '../facts';
import { assertPrivate, openPrivateFolder, secretFolderOf } from '../private-folder';
import type { Secret } from '../secret';
import { soon, systemClock, type Clock } from '../time';

export interface SecretPlace {
  readonly port: number;
  /** What the user gave in every process; then there is no file. */
  readonly secret: Secret | string | undefined;
  /** XDG_RUNTIME_DIR. A relative path is ignored, as the specification of XDG says. */
  readonly runtimeFolder: string | undefined;
  /** The folder for temporary files. */
  readonly temporaryFolder: string;
}

const SECRET_BYTES = 32;
/** Already two files that hold no secret are hard to explain. */
const MAX_FILES = 10;

/** Files that nobody has asked for so long are removed: an application may have another port at each start. */
const UNUSED_MS = 10 * 24 * 3_600_000;
/** How often a file in use is marked as such. */
const MARK_MS = UNUSED_MS / 10;
/**
 * A process that has made a secret looks for unused files after this time, ms. The look at a thousand files costs milliseconds and
 * megabytes, and a process that needs a secret is being waited for.
 */
const TIDY_MS = 60_000;

/**
 * What was read, and how to see that nothing has changed since (a look of 10 µs instead of eight waits, in each process of a
 * failover).
 */
interface Known {
  readonly file: string;
  readonly inode: number;
  readonly changedMs: number;
  readonly secret: Buffer;
}

/** By folder and port. */
const known = new Map<string, Known>();
/** Secrets that were found to be unchanged in this turn of the event loop, by place: in a failover many processes come in one turn. */
const looked = new Map<string, Buffer>();

/**
 * The secret, 32 bytes. Ask again for each handshake, and keep no copy: the file may be removed at any time, by a cleaner of
 * temporary files or at the end of a session. The next process that asks makes a new secret, which every process gets from then
 * on, also a process that has led for months. A handshake whose sides asked before and after the change fails; the next
 * handshake does not.
 * @throws TrunklineError ERR_TRUNKLINE_NO_SECRET
 */
export async function sharedSecret(place: SecretPlace, clock: Clock = systemClock): Promise<Buffer> {
  const { secret } = place;
  if (secret !== undefined) {
    const text = typeof secret === 'string' ? secret : secret.reveal();
    return createHash('sha256').update(`trunkline shared secret\n${text}`).digest();
  }
  const placeName = `${place.port} ${place.temporaryFolder} ${place.runtimeFolder}`;
  const lookedAt = looked.get(placeName);
  if (lookedAt) return lookedAt;
  const uid = process.geteuid?.();
  const folder = secretFolderOf({ ...place, uid });
  const name = `${folder} ${place.port}`;
  const last = known.get(name);
  if (last && isUnchanged(last)) {
    if (looked.size === 0) soon(() => looked.clear());
    looked.set(placeName, last.secret);
    return last.secret;
  }
  try {
    openPrivateFolder(folder, uid);
    const found = await firstSecret(folder, place.port, uid, clock);
    await markUsed(found.file);
    known.set(name, found);
    return found.secret;
  } catch (error) {
    const reason = (error as Error).message;
    throw new TrunklineError(
      'ERR_TRUNKLINE_NO_SECRET',
      `cluster port ${place.port}: the folder ${folder} for the secret of this user cannot be used: ${reason}; ` +
        'mend that, or set the option secret (TRUNKLINE_SECRET) to the same text in every process, or auth: false',
      { port: place.port, folder, cause: error },
    );
  }
}

function statOf(path: string): Stats | undefined {
  return fact(() => lstatSync(path, { throwIfNoEntry: false }));
}

function isUnchanged({ file, inode, changedMs }: Known): boolean {
  const found = statOf(file);
  return found?.ino === inode && found.ctimeMs === changedMs && Date.now() - found.mtimeMs < MARK_MS;
}

async function markUsed(file: string): Promise<void> {
  const now = new Date();
  const found = statOf(file);
  if (found && now.getTime() - found.mtimeMs >= MARK_MS) await utimes(file, now, now).catch(() => undefined);
}

const tidying = new Set<string>();

function tidyLater(folder: string, clock: Clock): void {
  if (tidying.has(folder)) return;
  tidying.add(folder);
  const tidy = (): void => {
    tidying.delete(folder);
    removeUnused(folder).catch(() => undefined); // the folder may be gone; whoever makes the next secret looks again
  };
  clock.setTimeout(tidy, TIDY_MS).unref();
}

/** Removes files of ports that are no longer used: a process that misses a file makes a new file. @throws Error */
export async function removeUnused(folder: string): Promise<void> {
  for await (const { name } of await opendir(folder)) {
    if (!/^\d+\.secret(\..*\.tmp)?$/.test(name)) continue;
    const file = join(folder, name);
    const found = statOf(file);
    if (!found || Date.now() - found.mtimeMs <= UNUSED_MS) continue;
    // A file without a secret stays as long as another file follows in the sequence, or processes would not agree on which file
    // counts.
    if (statOf(join(folder, name.replace('.secret', '.2.secret')))) continue;
    await rm(file, { force: true }).catch(() => undefined);
  }
}

/**
 * The first file of `7777.secret`, `7777.2.secret`, `7777.3.secret` … that holds a secret. A file without a secret (empty or cut
 * off, by a full disk or a power failure) is passed over and stays, because of two processes that replace a file the slower
 * could remove the new secret of the faster. Files appear complete, never change, and are removed only after days without use:
 * all processes pass over the same files.
 */
async function firstSecret(folder: string, port: number, uid: number | undefined, clock: Clock): Promise<Known> {
  for (let number = 1; number <= MAX_FILES; number += 1) {
    const file = join(folder, number === 1 ? `${port}.secret` : `${port}.${number}.secret`);
    let found = readFile(file, uid);
    while (found === undefined) {
      await createSecret(file);
      tidyLater(folder, clock);
      found = readFile(file, uid);
    }
    const { text, ...known } = found;
    if (/^[0-9a-f]{64}$/.test(text)) return { ...known, secret: Buffer.from(text, 'hex') };
  }
  throw new Error(`${MAX_FILES} files for this port hold no secret; remove them`);
}

/**
 * Reads without waiting for the threads of Node.js, which would be started for this: a hundred bytes of a local file, in a process
 * that is being waited for.
 * @returns undefined when there is no such file
 */
function readFile(file: string, uid: number | undefined): (Omit<Known, 'secret'> & { readonly text: string }) | undefined {
  // O_NONBLOCK: a FIFO is not waited for. Windows has neither flag.
  const descriptor = openIfThere(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (descriptor === undefined) return undefined;
  try {
    const found = fstatSync(descriptor);
    if (!found.isFile()) throw new Error(`${file} is not a file`);
    assertPrivate(file, found, uid);
    // An additional byte shows that a file is too long.
    const buffer = Buffer.alloc(2 * SECRET_BYTES + 1);
    const bytesRead = readSync(descriptor, buffer, 0, buffer.length, 0);
    return { file, inode: found.ino, changedMs: found.ctimeMs, text: buffer.toString('latin1', 0, bytesRead) };
  } finally {
    closeSync(descriptor);
  }
}

function openIfThere(file: string, flags: number): number | undefined {
  try {
    return openSync(file, flags);
  } catch (error) {
    return unless('ENOENT')(error);
  }
}

/**
 * Makes a secret file. Of many processes at once the first wins, and the others leave the file in place. The file gets the final
 * name only when complete.
 */
async function createSecret(file: string): Promise<void> {
  const draft = `${file}.${randomBytes(8).toString('hex')}.tmp`;
  const handle = await open(draft, 'wx', 0o600).catch((error: Error) => {
    // The message must be the same at each try: equal messages are logged once.
    error.message = error.message.replace(draft, file);
    throw error;
  });
  try {
    try {
      await handle.writeFile(randomBytes(SECRET_BYTES).toString('hex'));
      // Without `sync` a power failure could leave the name without the content. The permission model of Node.js denies `sync`
      // wherever the file is; a file without content is passed over, so the secret is made all the same.
      await handle.sync().catch(unless('ERR_ACCESS_DENIED'));
    } finally {
      await handle.close();
    }
    await link(draft, file).catch(unless('EEXIST'));
  } finally {
    await rm(draft, { force: true });
  }
}

/** For `catch`: this error of the system is no failure. */
function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (!isCode(error, code)) throw error;
  };
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
