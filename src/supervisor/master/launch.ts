// How a child comes to life: a worker of node:cluster (which shares listening sockets), an ordinary process (the agent), or a
// thread. The rest of the master sees only the common interface.

import { fork, type ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { systemClock, type Clock } from '../../time';
import { entryFile } from '../host/entry-file';
import type { Address, AppMessage, ChildTask, TaskMessage, ToChild } from '../messaging/messages';

export interface LaunchSpec {
  readonly task: ChildTask;
  readonly startMode: 'process' | 'worker_threads';
  /** Where a process is started. */
  readonly workingFolder: string | undefined;
  /** The whole environment of the child. */
  readonly env: NodeJS.ProcessEnv;
  readonly nodeArgs: readonly string[];
  readonly inspectPort: number | undefined;
  /** The heap of a thread ends here; processes are measured from outside. */
  readonly hardMaxMemoryBytes: number | undefined;
}

/** What a launched child tells. */
export interface LaunchEvents {
  /** @param handle the socket that has come with the message */
  onMessage(message: unknown, handle?: unknown): void;
  onListening(address: Address): void;
  /** The child could not be started, or a message could not be sent. */
  onError(error: Error): void;
  /** The child cannot be spoken to any longer. */
  onDisconnect(): void;
  onExit(code: number | null, signal: string | null): void;
  /** The child has ended, and all messages of the child have been delivered. */
  onClose(): void;
}

export interface Launched {
  /** The id of the process or thread. */
  readonly id: number | undefined;
  /** The pid of a child process; undefined for a thread. */
  readonly processId: number | undefined;
  readonly isConnected: boolean;
  /** Gives the child the task; until then the child has loaded the supervisor's part and nothing of the user's. Called once. */
  begin(): void;
  /** @param handle a connection or a listening socket; goes with the message, and stays open here */
  send(message: ToChild | AppMessage, handle?: object, onSent?: (error: Error | null) => void): void;
  /** Asks a process to end that cannot be spoken to. */
  terminate(): void;
  kill(): void;
}

/** How children come to life, and the time that passes for them. Tests give others. */
export interface Means {
  readonly launch: (spec: LaunchSpec, events: LaunchEvents) => Launched;
  readonly clock: Clock;
}

/**
 * Starts the program that every child runs, which loads the user's program when the task arrives: see `begin`.
 * @throws any error of node when a process or thread cannot be started
 */
export function launch(spec: LaunchSpec, events: LaunchEvents): Launched {
  if (spec.startMode === 'worker_threads') return launchThread(spec, events);
  const task = taskMessage(spec.task);
  const child = spec.task.kind === 'worker' ? forkWorker(spec, events) : forkAgent(spec);
  child.on('message', (message, handle) => events.onMessage(message, handle));
  child.on('error', (error) => events.onError(error));
  child.on('disconnect', () => events.onDisconnect());
  child.once('exit', (code, signal) => events.onExit(code, signal));
  child.once('close', () => events.onClose());
  return {
    id: child.pid,
    processId: child.pid,
    get isConnected() {
      return child.connected;
    },
    begin: () => {
      if (child.connected) child.send(task, () => undefined); // a child that cannot get a task has ended, and the end is reported
    },
    send: (message, handle, onSent) => {
      if (child.connected) child.send(message, handle as Socket | undefined, { keepOpen: true }, (error) => onSent?.(error));
      else onSent?.(new Error('the child is gone'));
    },
    terminate: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  };
}

/**
 * A child gets the task as the first message. Every user of the host may read the arguments of a process, and the options of a
 * framework may hold passwords. @throws TypeError when the options cannot be written as JSON
 */
function taskMessage(task: ChildTask): TaskMessage {
  return { trunkline: 'task', task: JSON.stringify(task) };
}

function forkAgent({ workingFolder: cwd, env, nodeArgs, inspectPort }: LaunchSpec): ChildProcess {
  const inspect = inspectPort === undefined ? [] : [`--inspect-port=${inspectPort}`];
  return fork(entryFile('child/entry'), [], { cwd, env, execArgv: [...nodeArgs, ...inspect] });
}

function forkWorker({ workingFolder: cwd, env, nodeArgs, inspectPort }: LaunchSpec, events: LaunchEvents): ChildProcess {
  cluster.setupPrimary({ exec: entryFile('child/entry'), args: [], execArgv: [...nodeArgs], inspectPort, cwd });
  const worker = cluster.fork(env);
  // The child reports where servers listen; this event serves runtimes whose net module reports nothing. node:cluster announces
  // UDP sockets too, which are no servers that clients connect to.
  worker.on('listening', ({ address, port, addressType }) => {
    if (addressType === 'udp4' || addressType === 'udp6') return;
    // Without a host in `listen` there is no address.
    events.onListening((addressType as number) === -1 ? address : { address: address ?? '::', port });
  });
  worker.on('error', () => undefined); // told by the process too
  return worker.process;
}

export const realMeans: Means = { launch, clock: systemClock };

function launchThread({ task, env, nodeArgs, hardMaxMemoryBytes }: LaunchSpec, events: LaunchEvents): Launched {
  const message = taskMessage(task);
  const thread = new Worker(entryFile('child/entry'), {
    env,
    execArgv: [...nodeArgs],
    ...(hardMaxMemoryBytes !== undefined && { resourceLimits: { maxOldGenerationSizeMb: hardMaxMemoryBytes / 2 ** 20 } }),
  });
  const id = thread.threadId; // -1 after the end of the thread
  let isKilled = false;
  let isRunning = true;
  thread.on('message', (message) => events.onMessage(message));
  thread.on('error', (error) => events.onError(error));
  thread.once('exit', (code) => {
    isRunning = false;
    events.onExit(isKilled ? null : code, isKilled ? 'SIGKILL' : null);
    events.onClose();
  });
  const kill = (): void => {
    isKilled = true;
    void thread.terminate();
  };
  return {
    id,
    processId: undefined,
    get isConnected() {
      return isRunning;
    },
    begin: () => thread.postMessage(message),
    send: (message, _socket, onSent) => {
      thread.postMessage(message);
      onSent?.(null); // a message port does not tell what was read
    },
    terminate: kill,
    kill,
  };
}
