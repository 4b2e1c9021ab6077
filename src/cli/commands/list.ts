// `trunkline list`: every application of this user, in any folder.

import { findOccupant } from '../place/claim';
import type { ApplicationStatus } from '../control/control-protocol';
import { formatDuration } from '../../quantities';
import { formatAddress } from '../../supervisor/host/format-address';
import { knownPlaces } from '../place/known-places';
import type { Output } from '../show/output';
import type { Place } from '../place/place';
import type { User } from '../place/state-folder';
import { aligned } from '../show/table';

/** An application of this user. Without a status the master lives, but does not answer. */
export interface Listed {
  readonly place: Pick<Place, 'name' | 'pidFile'>;
  readonly pid: number | undefined;
  readonly status: ApplicationStatus | undefined;
}

const COLUMNS = ['NAME', 'PID', 'STATE', 'WORKERS', 'LISTENS ON', 'SINCE', 'PID FILE'] as const;
const RIGHT: ReadonlySet<string> = new Set(['PID', 'WORKERS', 'SINCE']);

export async function list(user: User, json: boolean, stdout: Output): Promise<void> {
  const found = (await Promise.all(knownPlaces(user).map(lookAt))).flatMap((each) => each ?? []);
  if (json) {
    const rows = found.map(({ place, pid, status }) => ({ ...{ name: place.name, pidFile: place.pidFile, pid }, ...status }));
    stdout.write(`${JSON.stringify(rows)}\n`);
  } else stdout.write(found.length === 0 ? 'no application of this user runs\n' : `${listTable(found, stdout)}\n`);
}

export function listTable(found: readonly Listed[], { style }: Pick<Output, 'style'>): string {
  const [heading, ...rows] = aligned(COLUMNS, RIGHT, found.map(cellsOf)).map((cells) => cells.join('  ').trimEnd());
  return [style('dim', heading!), ...rows].join('\n');
}

/** @returns undefined when the application does not run */
async function lookAt(place: Place): Promise<Listed | undefined> {
  try {
    const occupant = await findOccupant(place);
    if (occupant.state === 'none') return undefined;
    if (occupant.state === 'mute') return { place, pid: occupant.pid, status: undefined };
    const { client, pid } = occupant;
    try {
      const { status } = await client.request({ command: 'status' });
      return { place, pid: status.pid, status };
    } catch {
      return { place, pid, status: undefined };
    } finally {
      client.close();
    }
  } catch {
    return undefined; // the files belong to somebody else, or are no files
  }
}

function cellsOf({ place, pid, status }: Listed): string[] {
  const workers = status?.processes.filter(({ name }) => name !== 'agent') ?? [];
  const ready = workers.filter(({ state }) => state === 'ready').length;
  return [
    place.name,
    pid === undefined ? '-' : String(pid),
    status?.state ?? 'no answer',
    status ? `${ready}/${workers.length}` : '-',
    status?.address === undefined ? '-' : formatAddress(status.address),
    status ? formatDuration(status.uptimeMs) : '-',
    place.pidFile,
  ];
}
