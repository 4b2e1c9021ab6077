// The program of a process in a process group: loads the module of the user, creates the client, and does what the test asks.

import { backgroundClock } from '../time';
import { GroupNetwork, MemberScope } from './group-network';
import type { FromMember, MemberTask, ToMember } from './member-messages';
import { toSent } from './member-messages';
import { inScope } from './scopes';
import { turns } from './turns';

/** What the module gives, as far as this program needs to know. */
interface Client {
  ready(): Promise<unknown>;
  readonly isClusterClientLeader?: boolean;
}
type Exports = Record<string, unknown>;

/** Between two looks at what the client is, ms. */
const LOOK_MS = 10;

let exported: Exports = {};
/** Undefined: only the operating system is between the members. */
let network: GroupNetwork | undefined;
let begun: Promise<Client> = new Promise(() => undefined);

function say(message: FromMember): void {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}

async function begin({ module, options, index, partitions }: MemberTask): Promise<Client> {
  if (partitions) network = await startNetwork();
  const loaded = (await import(module)) as Exports;
  exported = typeof loaded.create === 'function' ? loaded : ((loaded.default ?? {}) as Exports);
  const { create } = exported;
  if (typeof create !== 'function') throw new TypeError(`${module} does not export a function create(options)`);
  const tell = (message: unknown): void => say({ is: 'told', message });
  const make = (): unknown => (create as (...args: unknown[]) => unknown)(options, { index, tell });
  const client: unknown = await (network ? inScope(new MemberScope(network, backgroundClock), make) : make());
  if (typeof (client as Partial<Client> | undefined)?.ready !== 'function')
    throw new TypeError(`create(options) of ${module} must give the shared client`);
  watch(client as Client);
  return client as Client;
}

async function startNetwork(): Promise<GroupNetwork> {
  const started = await GroupNetwork.start();
  started.onListening = (port) => say({ is: 'listens', port });
  return started;
}

/** Tells of each change, because a process that is stopped cannot be asked. */
function watch(watched: Client): void {
  let told = false;
  const look = (): void => {
    const leads = watched.isClusterClientLeader === true;
    if (leads !== told) say({ is: 'standing', leads });
    told = leads;
  };
  setInterval(look, LOOK_MS).unref();
  look();
}

async function whenReady(): Promise<void> {
  const client = await begun;
  await turns(); // a connection that has ended already is known to have ended
  await client.ready();
}

async function call(name: string, args: readonly unknown[]): Promise<unknown> {
  const client = await begun;
  const method = exported[name];
  if (typeof method !== 'function') throw new TypeError(`the module does not export a function ${name}`);
  return (method as (...all: unknown[]) => unknown)(client, ...args);
}

async function answer(id: number, what: string, value: Promise<unknown>): Promise<void> {
  try {
    const result = await value;
    try {
      say({ is: 'result', id, value: result });
    } catch (error) {
      throw new TypeError(`the result of ${what} cannot be sent to the test: ${(error as Error).message}`, { cause: error });
    }
  } catch (error) {
    say({ is: 'result', id, error: toSent(error) });
  }
}

process.on('message', (message: ToMember) => {
  switch (message.is) {
    case 'task':
      begun = begin(message.task);
      begun.catch(() => undefined); // told to everybody who asks
      return;
    case 'apart':
      network?.setApart(message.ports);
      return;
    case 'ready':
      void answer(message.id, 'ready()', whenReady());
      return;
    case 'call':
      void answer(message.id, message.name, call(message.name, message.args));
  }
});
// The test is gone.
process.once('disconnect', () => process.exit(0));
