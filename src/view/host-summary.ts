// What a view of a host says at a glance, for the dashboard and the command line. Pure.

import type { HostView, ProcessView } from '../host-view';

/** `running` is said of processes that no supervisor started. */
export function isFine(state: string): boolean {
  return state === 'ready' || state === 'running';
}

export function isLooping(state: string): boolean {
  return /^crash.loop$/i.test(state);
}

/** As `leads 2, follows 1`. */
export function roleText({ clients }: ProcessView): string {
  const count = (role: string | undefined): number => clients.filter((client) => client.role === role).length;
  const [leads, follows, single, none] = [count('leader'), count('follower'), count('single'), count(undefined)];
  const parts = [
    ...(leads > 0 ? [`leads ${leads}`] : []),
    ...(follows > 0 ? [`follows ${follows}`] : []),
    ...(single > 0 ? [`alone ${single}`] : []),
    ...(none > 0 ? [`${none} without role`] : []),
  ];
  return parts.length === 0 ? '–' : parts.join(', ');
}

/** How many upstream connections the processes have, and how many they do not need because one process leads for all. */
export function connectionsOf({ channels }: Pick<HostView, 'channels'>): {
  led: number;
  saved: number;
  degraded: number;
  lost: number;
} {
  const led = channels.filter(({ leaderPid }) => leaderPid !== undefined).length;
  // The upstream client of a fleet is a channel of its own in the process that has the client.
  const viaFleet = channels.filter(({ leaderPid, fleet }) => leaderPid !== undefined && fleet).length;
  return {
    led: led - viaFleet,
    saved: channels.reduce((sum, { followers }) => sum + followers.length, 0),
    degraded: channels.filter(({ upstream }) => upstream.state === 'degraded').length,
    lost: channels.length - led,
  };
}
