// How this child speaks with the master: over IPC in a process, through a message port in a thread.

import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import { isMainThread, parentPort } from 'node:worker_threads';
import { nextTick } from '../../time';
import { isOurs, type AppMessage, type ChildTask, type TaskMessage, type ToMaster } from '../messaging/messages';
import { EarlyMessages } from './early-messages';

export interface Link {
  readonly isConnected: boolean;
  /** @returns gives the program what has arrived early, if the program listens now; to be called when the program is loaded */
  onMessage(listener: (message: unknown, handle?: unknown) => void): () => void;
  /** The master is gone, or has ended the link. */
  onDisconnect(listener: () => void): void;
  /** @param then called when the message has left, or cannot be sent */
  send(message: ToMaster | AppMessage, then?: (error: Error | null) => void): void;
  /** @param handle goes with the message, and stays open here; threads cannot send a handle */
  sendHandle(message: ToMaster, handle: object): void;
}

const processLink: Link = {
  get isConnected() {
    return process.connected;
  },
  onMessage: (listener) => {
    const early = new EarlyMessages(process, isOurs, listener, cluster.worker);
    for (const source of [process, cluster.worker])
      source?.on('newListener', (event) => {
        if (event === 'message') nextTick(() => early.replay());
      });
    return () => early.replay();
  },
  onDisconnect: (listener) => void process.on('disconnect', listener),
  send: (message, then) => {
    if (process.connected) process.send?.(message, undefined, undefined, (error) => then?.(error));
    else then?.(new Error('the master is gone'));
  },
  sendHandle: (message, handle) => {
    if (process.connected) process.send?.(message, handle as Socket, undefined, () => undefined);
  },
};

const threadLink: Link = {
  isConnected: true, // a thread does not outlive the master
  onMessage: (listener) => {
    const early = new EarlyMessages(parentPort!, isOurs, listener);
    return () => early.replay(); // a message port does not tell of new listeners
  },
  onDisconnect: () => undefined,
  send: (message, then) => {
    parentPort?.postMessage(message);
    then?.(null);
  },
  sendHandle: () => undefined,
};

export const link: Link = isMainThread ? processLink : threadLink;

/** Calls back with the task of this child: within the turn of the message, or the next message would find no listener. */
export function receiveTask(onTask: (task: ChildTask) => void): void {
  const onMessage = ({ task }: TaskMessage): void => onTask(JSON.parse(task) as ChildTask);
  if (isMainThread) process.once('message', onMessage);
  else parentPort?.once('message', onMessage);
}
