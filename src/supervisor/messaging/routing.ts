// To whom a message of the application goes. Pure; the rules come from egg-cluster 2.x.

import type { AppMessage, Sender } from './messages';

export interface KnownPids {
  readonly masterPid: number;
  readonly agentPid: number | undefined;
}

export type Destination =
  | { readonly to: 'master' | 'parent' | 'agent' }
  /** A worker by id, any worker, or all workers. */
  | { readonly to: 'app'; readonly which: 'all' | 'random' | { readonly pid: string } };

/** Where a message without `to` goes. */
const OPPOSITE: Record<Sender, 'app' | 'agent' | 'master' | undefined> = {
  agent: 'app',
  app: 'agent',
  parent: 'master',
  master: undefined,
};

/** @returns undefined when nobody is meant */
export function destinationOf(message: AppMessage, from: Sender, known: KnownPids): Destination | undefined {
  const { receiverPid } = message;
  if (receiverPid !== undefined && receiverPid !== '') {
    const pid = String(receiverPid);
    // The agent first: as a thread the agent has a small number, and so has a master that is the first process of a container.
    if (known.agentPid !== undefined && pid === String(known.agentPid)) return { to: 'agent' };
    if (pid === String(known.masterPid)) return { to: 'master' };
    return { to: 'app', which: { pid } };
  }
  const to = message.to ?? OPPOSITE[from];
  switch (to) {
    case 'app':
      return { to, which: 'all' };
    case 'random':
      return { to: 'app', which: 'random' };
    case 'agent':
    case 'master':
    case 'parent':
      return { to };
    default:
      return undefined;
  }
}

/** As whom a child sends. */
export function senderOf(kind: 'agent' | 'worker'): 'agent' | 'app' {
  return kind === 'agent' ? 'agent' : 'app';
}
