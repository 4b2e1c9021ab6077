// Which process leads: host, machine, process number and start time, as in the leader's key. Another process of the same
// machine can see from these that the leader is dead, and need not wait until the leadership runs out.

import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { fact } from '../facts';
import type { LeaderRecord } from './engine';

type ProcessPart = Pick<LeaderRecord, 'host' | 'machine' | 'pid' | 'startedAt'>;

/** @param host the name of the host; processes of two names never judge each other */
export function ownProcess(host: string): ProcessPart {
  const boot = fact(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '';
  const namespace = fact(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return {
    host,
    machine: [host, os.hostname(), boot, namespace].join(' '),
    pid: process.pid,
    startedAt: startOf(process.pid) ?? '',
  };
}

/**
 * Whether the process of a record is dead for certain. False for processes of other machines, and where this system does not tell:
 * then the leadership runs out.
 */
export function isDead(leader: ProcessPart, own: ProcessPart): boolean {
  if (leader.machine !== own.machine || leader.pid === own.pid) return false;
  try {
    process.kill(leader.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  // The number may have been given to another process meanwhile.
  const startedAt = startOf(leader.pid);
  return startedAt !== undefined && leader.startedAt !== '' && startedAt !== leader.startedAt;
}

/**
 * When a process started, in clock ticks since the boot, as Linux tells; `ended` for a process that has ended and that its parent has
 * not looked at yet.
 */
function startOf(pid: number): string | undefined {
  const text = fact(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name of the program may hold spaces and parentheses: fields are counted from the last parenthesis.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields) return undefined;
  return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
}
