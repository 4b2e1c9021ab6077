// What a daemon and the starting command say to each other over IPC. The application's own messages to the parent process come
// the same way and are not meant for the command.

import type { MasterSettings } from './application';
import type { StartEvent } from '../show/events';

export interface ToDaemon {
  readonly trunklineStart: MasterSettings;
}

export interface FromDaemon {
  readonly trunklineEvent: StartEvent;
}

export function eventOf(message: unknown): StartEvent | undefined {
  return (message as Partial<FromDaemon> | null)?.trunklineEvent;
}
